using System.Runtime.InteropServices;

namespace Sluice.Formats.Rafs.V6;

/// <summary>
/// The extended superblock, 256 bytes at 0x480.
/// <code>
/// 0x00 u64 flags               0x14 u32 chunk size            0x28 u64 prefetch table offset (0 = none)
/// 0x08 u64 blob table offset   0x18 u64 chunk table offset    0x30 u32 prefetch table bytes
/// 0x10 u32 blob table bytes    0x20 u64 chunk table bytes     0x34 204 reserved bytes
/// </code>
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct RafsExtension
{
    public const int Size = 256;

    [FieldOffset(0x00)] public RafsFlags Flags;
    [FieldOffset(0x08)] public ulong BlobTableOffset;
    [FieldOffset(0x10)] public uint BlobTableSize;
    [FieldOffset(0x14)] public uint ChunkSize;
    [FieldOffset(0x18)] public ulong ChunkTableOffset;
    [FieldOffset(0x20)] public ulong ChunkTableSize;
    [FieldOffset(0x28)] public ulong PrefetchTableOffset;
    [FieldOffset(0x30)] public uint PrefetchTableSize;
}
