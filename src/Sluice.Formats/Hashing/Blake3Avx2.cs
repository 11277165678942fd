using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static Sluice.Formats.Hashing.Blake3Layout;

namespace Sluice.Formats.Hashing;

/// <summary>BLAKE3 over 8 inputs at once: lane i of every vector belongs to input i.</summary>
internal static unsafe class Blake3Avx2
{
    private const int Lanes = 8;

    public static bool IsSupported => Avx2.IsSupported && BitConverter.IsLittleEndian;

    /// <summary>Hashes <paramref name="count"/> inputs that follow each other. A group of fewer than 8 computes its last input several times.</summary>
    [SkipLocalsInit]
    public static void Run(byte* input, int count, in Blake3Shape shape, byte* output)
    {
        byte** inputs = stackalloc byte*[Lanes];
        uint* values = stackalloc uint[8 * Lanes];
        for (int done = 0; done < count; done += Lanes)
        {
            int used = Math.Min(Lanes, count - done);
            for (int i = 0; i < Lanes; i++) inputs[i] = input + ((long)(done + Math.Min(i, used - 1)) * shape.Stride);
            Compress(inputs, shape with { Counter = shape.Counter + ((ulong)done * shape.CounterStep) }, values);
            for (int i = 0; i < used; i++)
            {
                uint* value = (uint*)(output + ((long)(done + i) * ValueSize));
                for (int word = 0; word < 8; word++) value[word] = values[(word * Lanes) + i];
            }
        }
    }

    /// <param name="values">Word w of lane i goes to [w × 8 + i].</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Compress(byte** inputs, in Blake3Shape shape, uint* values)
    {
        uint* message = stackalloc uint[16 * Lanes];
        uint* counters = stackalloc uint[2 * Lanes];
        for (uint i = 0; i < Lanes; i++)
        {
            ulong counter = shape.Counter + (i * shape.CounterStep);
            counters[i] = (uint)counter;
            counters[Lanes + i] = (uint)(counter >> 32);
        }

        Vector256<uint> h0 = Vector256.Create(IV0);
        Vector256<uint> h1 = Vector256.Create(IV1);
        Vector256<uint> h2 = Vector256.Create(IV2);
        Vector256<uint> h3 = Vector256.Create(IV3);
        Vector256<uint> h4 = Vector256.Create(IV4);
        Vector256<uint> h5 = Vector256.Create(IV5);
        Vector256<uint> h6 = Vector256.Create(IV6);
        Vector256<uint> h7 = Vector256.Create(IV7);
        for (int block = 0; block < shape.Blocks; block++)
        {
            Transpose(inputs, block * BlockSize, message);
            Vector256<uint> v0 = h0, v1 = h1, v2 = h2, v3 = h3, v4 = h4, v5 = h5, v6 = h6, v7 = h7;
            Vector256<uint> v8 = Vector256.Create(IV0), v9 = Vector256.Create(IV1), v10 = Vector256.Create(IV2), v11 = Vector256.Create(IV3);
            Vector256<uint> v12 = Vector256.Load(counters), v13 = Vector256.Load(counters + Lanes);
            Vector256<uint> v14 = Vector256.Create((uint)BlockSize), v15 = Vector256.Create(shape.Flags(block));
            ref byte s = ref MemoryMarshal.GetReference(Schedule);
            for (int round = 0; round < Rounds; round++)
            {
                Mix(ref v0, ref v4, ref v8, ref v12, Word(message, ref s, 0), Word(message, ref s, 1));
                Mix(ref v1, ref v5, ref v9, ref v13, Word(message, ref s, 2), Word(message, ref s, 3));
                Mix(ref v2, ref v6, ref v10, ref v14, Word(message, ref s, 4), Word(message, ref s, 5));
                Mix(ref v3, ref v7, ref v11, ref v15, Word(message, ref s, 6), Word(message, ref s, 7));
                Mix(ref v0, ref v5, ref v10, ref v15, Word(message, ref s, 8), Word(message, ref s, 9));
                Mix(ref v1, ref v6, ref v11, ref v12, Word(message, ref s, 10), Word(message, ref s, 11));
                Mix(ref v2, ref v7, ref v8, ref v13, Word(message, ref s, 12), Word(message, ref s, 13));
                Mix(ref v3, ref v4, ref v9, ref v14, Word(message, ref s, 14), Word(message, ref s, 15));
                s = ref Unsafe.Add(ref s, 16);
            }

            h0 = v0 ^ v8;
            h1 = v1 ^ v9;
            h2 = v2 ^ v10;
            h3 = v3 ^ v11;
            h4 = v4 ^ v12;
            h5 = v5 ^ v13;
            h6 = v6 ^ v14;
            h7 = v7 ^ v15;
        }

        h0.Store(values);
        h1.Store(values + Lanes);
        h2.Store(values + (2 * Lanes));
        h3.Store(values + (3 * Lanes));
        h4.Store(values + (4 * Lanes));
        h5.Store(values + (5 * Lanes));
        h6.Store(values + (6 * Lanes));
        h7.Store(values + (7 * Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Word(uint* message, ref byte schedule, int step) =>
        Vector256.Load(message + ((nuint)Unsafe.Add(ref schedule, step) * Lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref Vector256<uint> a, ref Vector256<uint> b, ref Vector256<uint> c, ref Vector256<uint> d, Vector256<uint> x, Vector256<uint> y)
    {
        a = a + b + x;
        d = Avx2.Shuffle((d ^ a).AsByte(), By16()).AsUInt32();
        c += d;
        b = Rotate12(b ^ c);
        a = a + b + y;
        d = Avx2.Shuffle((d ^ a).AsByte(), By8()).AsUInt32();
        c += d;
        b = Rotate7(b ^ c);
    }

    /// <summary>Byte shuffles that rotate each word right.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> By16() =>
        Vector256.Create((byte)2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> By8() =>
        Vector256.Create((byte)1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Rotate12(Vector256<uint> v) => Vector256.ShiftRightLogical(v, 12) | Vector256.ShiftLeft(v, 20);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Rotate7(Vector256<uint> v) => Vector256.ShiftRightLogical(v, 7) | Vector256.ShiftLeft(v, 25);

    /// <summary>Word w of the block at <paramref name="offset"/> of all inputs goes to message[w × 8 …].</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(byte** inputs, int offset, uint* message)
    {
        // First 4 × 4 words within each half of a vector, then the halves.
        Vector256<uint>* quads = stackalloc Vector256<uint>[8];
        for (int half = 0; half < 2; half++)
        {
            for (int group = 0; group < 2; group++)
            {
                byte** rows = inputs + (group * 4);
                int column = offset + (half * 32);
                Vector256<uint> r0 = Vector256.Load((uint*)(rows[0] + column)), r1 = Vector256.Load((uint*)(rows[1] + column));
                Vector256<uint> r2 = Vector256.Load((uint*)(rows[2] + column)), r3 = Vector256.Load((uint*)(rows[3] + column));
                Vector256<ulong> low01 = Avx2.UnpackLow(r0, r1).AsUInt64(), high01 = Avx2.UnpackHigh(r0, r1).AsUInt64();
                Vector256<ulong> low23 = Avx2.UnpackLow(r2, r3).AsUInt64(), high23 = Avx2.UnpackHigh(r2, r3).AsUInt64();
                quads[(group * 4) + 0] = Avx2.UnpackLow(low01, low23).AsUInt32();
                quads[(group * 4) + 1] = Avx2.UnpackHigh(low01, low23).AsUInt32();
                quads[(group * 4) + 2] = Avx2.UnpackLow(high01, high23).AsUInt32();
                quads[(group * 4) + 3] = Avx2.UnpackHigh(high01, high23).AsUInt32();
            }

            for (int i = 0; i < 4; i++)
            {
                Avx2.Permute2x128(quads[i], quads[4 + i], 0x20).Store(message + (((half * 8) + i) * Lanes));
                Avx2.Permute2x128(quads[i], quads[4 + i], 0x31).Store(message + (((half * 8) + 4 + i) * Lanes));
            }
        }
    }
}
