using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Sluice.Formats.Hashing.Blake3Layout;

namespace Sluice.Formats.Hashing;

/// <summary>The compression function on one block, for tails, the root and processors without AVX2.</summary>
internal static class Blake3Block
{
    /// <summary>Sets a chaining value (8 words) to the key of plain hashing.</summary>
    public static void Start(Span<uint> value)
    {
        value[0] = IV0;
        value[1] = IV1;
        value[2] = IV2;
        value[3] = IV3;
        value[4] = IV4;
        value[5] = IV5;
        value[6] = IV6;
        value[7] = IV7;
    }

    /// <summary>Mixes one block into <paramref name="value"/>.</summary>
    /// <param name="block">64 bytes; those after <paramref name="length"/> are zero.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(Span<uint> value, ReadOnlySpan<byte> block, int length, ulong counter, uint flags)
    {
        // The format is little endian, as is every processor that this runs on.
        ref uint m = ref Unsafe.As<byte, uint>(ref MemoryMarshal.GetReference(block[..BlockSize]));
        ref byte s = ref MemoryMarshal.GetReference(Schedule);
        value = value[..8];
        uint v0 = value[0], v1 = value[1], v2 = value[2], v3 = value[3], v4 = value[4], v5 = value[5], v6 = value[6], v7 = value[7];
        uint v8 = IV0, v9 = IV1, v10 = IV2, v11 = IV3;
        uint v12 = (uint)counter, v13 = (uint)(counter >> 32), v14 = (uint)length, v15 = flags;
        for (int round = 0; round < Rounds; round++)
        {
            Mix(ref v0, ref v4, ref v8, ref v12, Word(ref m, ref s, 0), Word(ref m, ref s, 1));
            Mix(ref v1, ref v5, ref v9, ref v13, Word(ref m, ref s, 2), Word(ref m, ref s, 3));
            Mix(ref v2, ref v6, ref v10, ref v14, Word(ref m, ref s, 4), Word(ref m, ref s, 5));
            Mix(ref v3, ref v7, ref v11, ref v15, Word(ref m, ref s, 6), Word(ref m, ref s, 7));
            Mix(ref v0, ref v5, ref v10, ref v15, Word(ref m, ref s, 8), Word(ref m, ref s, 9));
            Mix(ref v1, ref v6, ref v11, ref v12, Word(ref m, ref s, 10), Word(ref m, ref s, 11));
            Mix(ref v2, ref v7, ref v8, ref v13, Word(ref m, ref s, 12), Word(ref m, ref s, 13));
            Mix(ref v3, ref v4, ref v9, ref v14, Word(ref m, ref s, 14), Word(ref m, ref s, 15));
            s = ref Unsafe.Add(ref s, 16);
        }

        value[0] = v0 ^ v8;
        value[1] = v1 ^ v9;
        value[2] = v2 ^ v10;
        value[3] = v3 ^ v11;
        value[4] = v4 ^ v12;
        value[5] = v5 ^ v13;
        value[6] = v6 ^ v14;
        value[7] = v7 ^ v15;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Word(ref uint message, ref byte schedule, int step) =>
        Unsafe.ReadUnaligned<uint>(ref Unsafe.As<uint, byte>(ref Unsafe.Add(ref message, Unsafe.Add(ref schedule, step))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref uint a, ref uint b, ref uint c, ref uint d, uint x, uint y)
    {
        a += b + x;
        d = BitOperations.RotateRight(d ^ a, 16);
        c += d;
        b = BitOperations.RotateRight(b ^ c, 12);
        a += b + y;
        d = BitOperations.RotateRight(d ^ a, 8);
        c += d;
        b = BitOperations.RotateRight(b ^ c, 7);
    }
}
