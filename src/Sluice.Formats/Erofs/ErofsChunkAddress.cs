using System.Runtime.InteropServices;

namespace Sluice.Formats.Erofs;

/// <summary>
/// Where a chunk is, 8 bytes. EROFS: 0 u16 unused · 2 u16 device · 4 u32 block. Nydus keeps its chunk number in the bits
/// that the kernel ignores: 0 u16 number [15:0] · 2 u8 device (blob + 1) · 3 u8 number [23:16] · 4 u32 block of the blob space.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = ErofsLayout.ChunkAddressSize)]
internal struct ErofsChunkAddress
{
    [FieldOffset(0)] public ushort NumberLow;
    [FieldOffset(2)] public byte Device;
    [FieldOffset(3)] public byte NumberHigh;
    [FieldOffset(4)] public uint Block;

    public readonly int Number => NumberLow | (NumberHigh << 16);

    public static ErofsChunkAddress Create(int blob, int number, uint block) =>
        new() { NumberLow = (ushort)number, NumberHigh = (byte)(number >> 16), Device = (byte)(blob + 1), Block = block };
}
