using System.Runtime.InteropServices;

namespace Sluice.Formats.Erofs;

/// <summary>
/// A compact EROFS inode, 32 bytes: no time of its own (it shows the superblock's build time) and 16-bit ids. Read, never written.
/// <code>
///  0 u16 format (bit 0 clear)   6 u16 links   16 u32 union          24 u16 uid
///  2 u16 xattr count            8 u32 size    20 u32 inode number   26 u16 gid
///  4 u16 mode with type        12 u32 zero                          28 u32 zero
/// </code>
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = ErofsLayout.CompactInodeSize)]
internal struct ErofsCompactInode
{
    [FieldOffset(0)] public ushort Format;
    [FieldOffset(2)] public ushort XattrCount;
    [FieldOffset(4)] public ushort Mode;
    [FieldOffset(6)] public ushort Links;
    [FieldOffset(8)] public uint Size;
    [FieldOffset(16)] public uint Union;
    [FieldOffset(20)] public uint Number;
    [FieldOffset(24)] public ushort UserId;
    [FieldOffset(26)] public ushort GroupId;
}
