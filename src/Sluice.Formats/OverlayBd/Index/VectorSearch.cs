using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.OverlayBd.Index;

/// <summary>A cache line in one comparison with AVX-512; where the processor has narrower vectors, the compiler makes several.</summary>
internal readonly unsafe struct VectorSearch : IExtentSearch
{
    private const int LengthShift = 50;

    /// <summary>The lanes with the first words of the extents; the others hold mapped offsets.</summary>
    private const ulong FirstWords = 0b0101_0101;

    public static bool IsFast => Vector128.IsHardwareAccelerated;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountKeys(int* node, int key) =>
        BitOperations.PopCount(Vector512.LessThanOrEqual(Vector512.LoadAligned(node), Vector512.Create(key)).ExtractMostSignificantBits());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountEnded(LsmtExtent* group, long offset)
    {
        Vector512<long> words = Vector512.LoadAligned((long*)group);
        Vector512<long> ends = (words & Vector512.Create(LsmtExtent.InvalidOffset)) + (words >>> LengthShift);
        return BitOperations.PopCount(Vector512.LessThanOrEqual(ends, Vector512.Create(offset)).ExtractMostSignificantBits() & FirstWords);
    }
}
