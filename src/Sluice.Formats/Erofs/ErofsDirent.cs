using System.Runtime.InteropServices;

namespace Sluice.Formats.Erofs;

/// <summary>
/// A directory entry, 12 bytes: 0 u64 nid · 8 u16 offset of the name in its block · 10 u8 file type · 11 u8 zero.
/// A directory block holds its entries first, then their names; the first name offset / 12 is the number of entries.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = ErofsLayout.DirentSize, Pack = 1)]
internal struct ErofsDirent
{
    [FieldOffset(0)] public ulong Nid;
    [FieldOffset(8)] public ushort NameOffset;
    [FieldOffset(10)] public byte Type;
}
