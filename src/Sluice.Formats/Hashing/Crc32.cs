using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Arm = System.Runtime.Intrinsics.Arm;

namespace Sluice.Formats.Hashing;

/// <summary>CRC-32 as gzip has it (RFC 1952, section 8): reflected, all ones in and out.</summary>
internal static class Crc32
{
    private const uint Polynomial = 0xEDB88320;

    /// <summary>Bytes that are folded side by side.</summary>
    private const int Lanes = 64;

    private static readonly uint[] Table = MakeTable();

    /// <param name="data">Any number of bytes.</param>
    /// <param name="seed">The checksum of what comes before; 0 for nothing.</param>
    public static uint Compute(ReadOnlySpan<byte> data, uint seed = 0)
    {
        if (Pclmulqdq.IsSupported && data.Length >= Lanes) return ~Fold(data, ~seed);
        if (Arm.Crc32.Arm64.IsSupported) return ~ComputeArm(data, ~seed);
        return ~Step(data, ~seed);
    }

    /// <summary>The register after <paramref name="data"/>, byte by byte.</summary>
    internal static uint Step(ReadOnlySpan<byte> data, uint register)
    {
        foreach (byte value in data) register = Table[(byte)(register ^ value)] ^ (register >> 8);
        return register;
    }

    private static uint ComputeArm(ReadOnlySpan<byte> data, uint register)
    {
        for (; data.Length >= 8; data = data[8..]) register = Arm.Crc32.Arm64.ComputeCrc32(register, BinaryPrimitives.ReadUInt64LittleEndian(data));
        return Step(data, register);
    }

    /// <summary>
    /// Four vectors take turns: each is multiplied by x^512 (its halves by x^(512+32) and x^(512-32)) modulo the polynomial and added to what lies 64 bytes
    /// further on, until 16 bytes are left that have the same remainder as all before. Gopal and others, "Fast CRC Computation for Generic
    /// Polynomials Using PCLMULQDQ", 2009.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Fold(ReadOnlySpan<byte> data, uint register)
    {
        Vector128<ulong> far = Vector128.Create(0x1_5444_2BD4UL, 0x1_C6E4_1596UL), near = Vector128.Create(0x1_7519_97D0UL, 0x0_CCAA_009EUL);
        ReadOnlySpan<Vector128<ulong>> vectors = MemoryMarshal.Cast<byte, Vector128<ulong>>(data);
        Vector128<ulong> a = vectors[0] ^ Vector128.CreateScalar((ulong)register), b = vectors[1], c = vectors[2], d = vectors[3];
        int at = 4;
        for (; at + 4 <= vectors.Length; at += 4)
        {
            a = Shift(a, far) ^ vectors[at];
            b = Shift(b, far) ^ vectors[at + 1];
            c = Shift(c, far) ^ vectors[at + 2];
            d = Shift(d, far) ^ vectors[at + 3];
        }

        b ^= Shift(a, near);
        c ^= Shift(b, near);
        d ^= Shift(c, near);
        for (; at < vectors.Length; at++) d = Shift(d, near) ^ vectors[at];
        register = Step(MemoryMarshal.AsBytes(new ReadOnlySpan<Vector128<ulong>>(in d)), 0);
        return Step(data[(at * Vector128<byte>.Count)..], register);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Shift(Vector128<ulong> value, Vector128<ulong> powers) =>
        Pclmulqdq.CarrylessMultiply(value, powers, 0x00) ^ Pclmulqdq.CarrylessMultiply(value, powers, 0x11);

    private static uint[] MakeTable()
    {
        uint[] table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ ((value & 1) * Polynomial);
            table[i] = value;
        }

        return table;
    }
}
