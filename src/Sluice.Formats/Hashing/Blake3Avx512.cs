using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static Sluice.Formats.Hashing.Blake3Layout;

namespace Sluice.Formats.Hashing;

/// <summary>BLAKE3 over 16 inputs at once: lane i of every vector belongs to input i.</summary>
internal static unsafe class Blake3Avx512
{
    private const int Lanes = 16;

    public static bool IsSupported => Avx512F.IsSupported && BitConverter.IsLittleEndian;

    /// <summary>Hashes <paramref name="count"/> inputs that follow each other. A group of fewer than 16 computes its last input several times.</summary>
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

    /// <param name="values">Word w of lane i goes to [w × 16 + i].</param>
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

        Vector512<uint> h0 = Vector512.Create(IV0);
        Vector512<uint> h1 = Vector512.Create(IV1);
        Vector512<uint> h2 = Vector512.Create(IV2);
        Vector512<uint> h3 = Vector512.Create(IV3);
        Vector512<uint> h4 = Vector512.Create(IV4);
        Vector512<uint> h5 = Vector512.Create(IV5);
        Vector512<uint> h6 = Vector512.Create(IV6);
        Vector512<uint> h7 = Vector512.Create(IV7);
        for (int block = 0; block < shape.Blocks; block++)
        {
            Transpose(inputs, block * BlockSize, message);
            Vector512<uint> v0 = h0, v1 = h1, v2 = h2, v3 = h3, v4 = h4, v5 = h5, v6 = h6, v7 = h7;
            Vector512<uint> v8 = Vector512.Create(IV0), v9 = Vector512.Create(IV1), v10 = Vector512.Create(IV2), v11 = Vector512.Create(IV3);
            Vector512<uint> v12 = Vector512.Load(counters), v13 = Vector512.Load(counters + Lanes);
            Vector512<uint> v14 = Vector512.Create((uint)BlockSize), v15 = Vector512.Create(shape.Flags(block));
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
    private static Vector512<uint> Word(uint* message, ref byte schedule, int step) =>
        Vector512.Load(message + ((nuint)Unsafe.Add(ref schedule, step) * Lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref Vector512<uint> a, ref Vector512<uint> b, ref Vector512<uint> c, ref Vector512<uint> d, Vector512<uint> x, Vector512<uint> y)
    {
        a = a + b + x;
        d = Avx512F.RotateRight(d ^ a, 16);
        c += d;
        b = Avx512F.RotateRight(b ^ c, 12);
        a = a + b + y;
        d = Avx512F.RotateRight(d ^ a, 8);
        c += d;
        b = Avx512F.RotateRight(b ^ c, 7);
    }

    /// <summary>Word w of the block at <paramref name="offset"/> of all inputs goes to message[w × 16 …].</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(byte** inputs, int offset, uint* message)
    {
        // First 4 × 4 words within each quarter of a vector, then the quarters.
        Vector512<uint>* quads = stackalloc Vector512<uint>[16];
        for (int group = 0; group < 4; group++)
        {
            byte** rows = inputs + (group * 4);
            Vector512<uint> r0 = Vector512.Load((uint*)(rows[0] + offset)), r1 = Vector512.Load((uint*)(rows[1] + offset));
            Vector512<uint> r2 = Vector512.Load((uint*)(rows[2] + offset)), r3 = Vector512.Load((uint*)(rows[3] + offset));
            Vector512<ulong> low01 = Avx512F.UnpackLow(r0, r1).AsUInt64(), high01 = Avx512F.UnpackHigh(r0, r1).AsUInt64();
            Vector512<ulong> low23 = Avx512F.UnpackLow(r2, r3).AsUInt64(), high23 = Avx512F.UnpackHigh(r2, r3).AsUInt64();
            quads[(group * 4) + 0] = Avx512F.UnpackLow(low01, low23).AsUInt32();
            quads[(group * 4) + 1] = Avx512F.UnpackHigh(low01, low23).AsUInt32();
            quads[(group * 4) + 2] = Avx512F.UnpackLow(high01, high23).AsUInt32();
            quads[(group * 4) + 3] = Avx512F.UnpackHigh(high01, high23).AsUInt32();
        }

        for (int i = 0; i < 4; i++)
        {
            Vector512<uint> a = quads[i], b = quads[4 + i], c = quads[8 + i], d = quads[12 + i];
            Vector512<uint> evenAB = Avx512F.Shuffle4x128(a, b, 0x88), oddAB = Avx512F.Shuffle4x128(a, b, 0xDD);
            Vector512<uint> evenCD = Avx512F.Shuffle4x128(c, d, 0x88), oddCD = Avx512F.Shuffle4x128(c, d, 0xDD);
            Avx512F.Shuffle4x128(evenAB, evenCD, 0x88).Store(message + (i * Lanes));
            Avx512F.Shuffle4x128(oddAB, oddCD, 0x88).Store(message + ((4 + i) * Lanes));
            Avx512F.Shuffle4x128(evenAB, evenCD, 0xDD).Store(message + ((8 + i) * Lanes));
            Avx512F.Shuffle4x128(oddAB, oddCD, 0xDD).Store(message + ((12 + i) * Lanes));
        }
    }
}
