using System.Runtime.InteropServices;
using static Sluice.Formats.Hashing.Blake3Layout;

namespace Sluice.Formats.Hashing;

/// <summary>Many independent inputs of one shape, each to its chaining value: whole chunks, or pairs of child values.</summary>
internal static class Blake3Lanes
{
    /// <summary>The fastest path of this processor.</summary>
    public static readonly Blake3Path Best =
        Blake3Avx512.IsSupported ? Blake3Path.Avx512 : Blake3Avx2.IsSupported ? Blake3Path.Avx2 : Blake3Path.Single;

    public static bool IsSupported(Blake3Path path) => path switch
    {
        Blake3Path.Avx512 => Blake3Avx512.IsSupported,
        Blake3Path.Avx2 => Blake3Avx2.IsSupported,
        _ => true,
    };

    /// <summary>Chaining values of whole chunks that are not the root.</summary>
    /// <param name="chunks">n × 1024 bytes.</param>
    /// <param name="counter">Number of the first chunk.</param>
    /// <param name="values">n × 32 bytes.</param>
    public static void Chunks(Blake3Path path, ReadOnlySpan<byte> chunks, ulong counter, Span<byte> values) =>
        Run(path, chunks, new Blake3Shape(BlocksPerChunk, counter, CounterStep: 1, ChunkStart, ChunkEnd, Always: 0), values);

    /// <summary>Chaining values of parents that are not the root. In place: <paramref name="values"/> may begin where <paramref name="children"/> does.</summary>
    /// <param name="children">n × 64 bytes: left and right child.</param>
    /// <param name="values">n × 32 bytes.</param>
    public static void Parents(Blake3Path path, ReadOnlySpan<byte> children, Span<byte> values) =>
        Run(path, children, new Blake3Shape(Blocks: 1, Counter: 0, CounterStep: 0, First: 0, Last: 0, Parent), values);

    private static unsafe void Run(Blake3Path path, ReadOnlySpan<byte> input, in Blake3Shape shape, Span<byte> values)
    {
        int count = input.Length / shape.Stride;
        if (values.Length < count * ValueSize) throw new ArgumentException("too short", nameof(values));
        fixed (byte* start = input)
        fixed (byte* output = values)
        {
            switch (path)
            {
                // Few inputs would leave most lanes of the wide vectors idle.
                case Blake3Path.Avx512 when count > 8:
                    Blake3Avx512.Run(start, count, shape, output);
                    break;
                case Blake3Path.Avx512 or Blake3Path.Avx2:
                    Blake3Avx2.Run(start, count, shape, output);
                    break;
                default:
                    RunSingle(start, count, shape, output);
                    break;
            }
        }
    }

    private static unsafe void RunSingle(byte* input, int count, in Blake3Shape shape, byte* output)
    {
        Span<uint> value = stackalloc uint[8];
        for (int i = 0; i < count; i++)
        {
            Blake3Block.Start(value);
            for (int block = 0; block < shape.Blocks; block++)
            {
                ReadOnlySpan<byte> bytes = new(input + (block * BlockSize), BlockSize);
                Blake3Block.Compress(value, bytes, BlockSize, shape.Counter + ((ulong)i * shape.CounterStep), shape.Flags(block));
            }

            MemoryMarshal.AsBytes(value).CopyTo(new Span<byte>(output, ValueSize));
            input += shape.Stride;
            output += ValueSize;
        }
    }
}
