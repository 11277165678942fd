using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static Sluice.Formats.Hashing.Blake3Layout;

namespace Sluice.Formats.Hashing;

/// <summary>
/// The compression function on one block, for tails, the root and processors without AVX2. The state is a 4 × 4 matrix
/// with a vector for each row; a round mixes columns, then diagonals.
/// </summary>
internal static class Blake3Block
{
    /// <summary>Sets a chaining value (8 words) to the key of plain hashing.</summary>
    public static void Start(Span<uint> value)
    {
        Vector128.Create(IV0, IV1, IV2, IV3).CopyTo(value);
        Vector128.Create(IV4, IV5, IV6, IV7).CopyTo(value[4..]);
    }

    /// <summary>Mixes one block into <paramref name="value"/>.</summary>
    /// <param name="block">64 bytes; those after <paramref name="length"/> are zero.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(Span<uint> value, ReadOnlySpan<byte> block, int length, ulong counter, uint flags)
    {
        // The format is little endian, as is every processor that this runs on.
        ref uint m = ref Unsafe.As<byte, uint>(ref MemoryMarshal.GetReference(block[..BlockSize]));
        ref byte s = ref MemoryMarshal.GetReference(Schedule);
        Vector128<uint> a = Vector128.Create<uint>(value[..4]);
        Vector128<uint> b = Vector128.Create<uint>(value[4..8]);
        Vector128<uint> c = Vector128.Create(IV0, IV1, IV2, IV3);
        Vector128<uint> d = Vector128.Create((uint)counter, (uint)(counter >> 32), (uint)length, flags);
        for (int round = 0; round < Rounds; round++)
        {
            Mix(ref a, ref b, ref c, ref d, Words(ref m, ref s, 0), Words(ref m, ref s, 1));
            b = Vector128.Shuffle(b, Vector128.Create(1u, 2, 3, 0));
            c = Vector128.Shuffle(c, Vector128.Create(2u, 3, 0, 1));
            d = Vector128.Shuffle(d, Vector128.Create(3u, 0, 1, 2));
            Mix(ref a, ref b, ref c, ref d, Words(ref m, ref s, 8), Words(ref m, ref s, 9));
            b = Vector128.Shuffle(b, Vector128.Create(3u, 0, 1, 2));
            c = Vector128.Shuffle(c, Vector128.Create(2u, 3, 0, 1));
            d = Vector128.Shuffle(d, Vector128.Create(1u, 2, 3, 0));
            s = ref Unsafe.Add(ref s, 16);
        }

        (a ^ c).CopyTo(value);
        (b ^ d).CopyTo(value[4..]);
    }

    /// <summary>The words of four columns: every second one of the schedule from <paramref name="step"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Words(ref uint message, ref byte schedule, int step) => Vector128.Create(
        Unsafe.Add(ref message, Unsafe.Add(ref schedule, step)),
        Unsafe.Add(ref message, Unsafe.Add(ref schedule, step + 2)),
        Unsafe.Add(ref message, Unsafe.Add(ref schedule, step + 4)),
        Unsafe.Add(ref message, Unsafe.Add(ref schedule, step + 6)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(
        ref Vector128<uint> a, ref Vector128<uint> b, ref Vector128<uint> c, ref Vector128<uint> d, Vector128<uint> x, Vector128<uint> y)
    {
        a = a + x + b;
        d = Vector128.Shuffle((d ^ a).AsByte(), Vector128.Create((byte)2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)).AsUInt32();
        c += d;
        b = Rotate(b ^ c, 12);
        a = a + y + b;
        d = Vector128.Shuffle((d ^ a).AsByte(), Vector128.Create((byte)1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12)).AsUInt32();
        c += d;
        b = Rotate(b ^ c, 7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Rotate(Vector128<uint> v, [ConstantExpected] byte count) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(v, count) : (v >>> count) | (v << (32 - count));
}
