using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Sluice.Formats.Hashing;

/// <summary>CRC-32C (Castagnoli, as in iSCSI: RFC 3720, section 12.1): reflected, all ones in and out.</summary>
public static class Crc32C
{
    /// <summary>The polynomial 0x1EDC6F41, reflected.</summary>
    private const uint Polynomial = 0x82F63B78;

    /// <summary>Bytes of each of the three streams that run side by side: the instruction takes 3 cycles, one can start each cycle.</summary>
    private const int Stream = 1024;

    /// <summary>The same for what is too short for that, such as a compressed block of a ZFile.</summary>
    private const int ShortStream = 128;

    private static readonly uint[] Table = MakeTable();
    private static readonly uint OverOneStream = Power((8 * Stream) - 33);
    private static readonly uint OverTwoStreams = Power((16 * Stream) - 33);
    private static readonly uint OverOneShortStream = Power((8 * ShortStream) - 33);
    private static readonly uint OverTwoShortStreams = Power((16 * ShortStream) - 33);

    /// <summary>The checksum of <paramref name="data"/>.</summary>
    /// <param name="seed">The checksum of what comes before <paramref name="data"/>; 0 for nothing.</param>
    public static uint Compute(ReadOnlySpan<byte> data, uint seed = 0) =>
        Sse42.X64.IsSupported && Pclmulqdq.IsSupported ? ComputeSse42(data, seed) : ComputeScalar(data, seed);

    /// <summary>
    /// The bare CRC register after <paramref name="data"/>, with no inversion before or after it, as OverlayBD's formats use it:
    /// what the processor's <c>crc32</c> instruction gives.
    /// </summary>
    /// <param name="register">The register before <paramref name="data"/>: a seed, or what an earlier call returned.</param>
    public static uint Raw(ReadOnlySpan<byte> data, uint register = 0) => ~Compute(data, ~register);

    internal static uint ComputeScalar(ReadOnlySpan<byte> data, uint seed)
    {
        uint crc = ~seed;
        foreach (byte b in data) crc = Table[(byte)(crc ^ b)] ^ (crc >> 8);
        return ~crc;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static uint ComputeSse42(ReadOnlySpan<byte> data, uint seed)
    {
        uint crc = ~seed;
        for (; data.Length >= 3 * Stream; data = data[(3 * Stream)..]) crc = ThreeStreams(crc, data, Stream, OverOneStream, OverTwoStreams);
        for (; data.Length >= 3 * ShortStream; data = data[(3 * ShortStream)..])
        {
            crc = ThreeStreams(crc, data, ShortStream, OverOneShortStream, OverTwoShortStreams);
        }

        ulong rest = crc;
        for (; data.Length >= 8; data = data[8..]) rest = Sse42.X64.Crc32(rest, BinaryPrimitives.ReadUInt64LittleEndian(data));
        crc = (uint)rest;
        foreach (byte value in data) crc = Sse42.Crc32(crc, value);
        return ~crc;
    }

    /// <summary>The register after the first three streams of <paramref name="data"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint ThreeStreams(uint crc, ReadOnlySpan<byte> data, int stream, uint overOne, uint overTwo)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(data[..(3 * stream)]);
        ulong a = crc, b = 0, c = 0;
        for (int i = 0; i < stream / 8; i++)
        {
            a = Sse42.X64.Crc32(a, words[i]);
            b = Sse42.X64.Crc32(b, words[i + (stream / 8)]);
            c = Sse42.X64.Crc32(c, words[i + (2 * stream / 8)]);
        }

        return Shift((uint)a, overTwo) ^ Shift((uint)b, overOne) ^ (uint)c;
    }

    /// <summary>
    /// <paramref name="crc"/> × x^n, where <paramref name="power"/> is x^(n-33): a reflected product stands one bit too
    /// low, and the instruction multiplies by x^32.
    /// </summary>
    private static uint Shift(uint crc, uint power)
    {
        Vector128<ulong> product = Pclmulqdq.CarrylessMultiply(Vector128.CreateScalar((ulong)crc), Vector128.CreateScalar((ulong)power), 0);
        return (uint)Sse42.X64.Crc32(0, product.ToScalar());
    }

    /// <summary>x^<paramref name="exponent"/> modulo the polynomial, reflected.</summary>
    private static uint Power(int exponent)
    {
        uint value = 0x80000000;
        for (int i = 0; i < exponent; i++) value = (value >> 1) ^ ((value & 1) * Polynomial);
        return value;
    }

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
