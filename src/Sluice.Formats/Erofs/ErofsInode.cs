using System.Runtime.InteropServices;

namespace Sluice.Formats.Erofs;

/// <summary>
/// An extended EROFS inode, 64 bytes.
/// <code>
///  0 u16 format: bit 0 = extended, bits 1..3 = data layout     20 u32 inode number   40 u32 mtime, ns
///  2 u16 xattr count (see <see cref="ErofsXattr"/>)             24 u32 uid            44 u32 links
///  4 u16 mode with type                                        28 u32 gid            48 16 reserved bytes
///  8 u64 size                                                  32 i64 mtime, s
/// 16 u32 union: start block, device number or chunk format
/// </code>
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = ErofsLayout.ExtendedInodeSize)]
internal struct ErofsInode
{
    [FieldOffset(0)] public ushort Format;
    [FieldOffset(2)] public ushort XattrCount;
    [FieldOffset(4)] public ushort Mode;
    [FieldOffset(8)] public ulong Size;
    [FieldOffset(16)] public uint Union;
    [FieldOffset(20)] public uint Number;
    [FieldOffset(24)] public uint UserId;
    [FieldOffset(28)] public uint GroupId;
    [FieldOffset(32)] public long ModificationSeconds;
    [FieldOffset(40)] public uint ModificationNanoseconds;
    [FieldOffset(44)] public uint Links;
}
