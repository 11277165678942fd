using System.Buffers.Binary;
using System.Numerics;

namespace Sluice.Formats.Ext4;

/// <summary>
/// The hash that orders the names of an indexed directory. Bit 0 is always clear: index entries use it for "goes on from the
/// block before". Where names have bytes above 0x7f it matters whether the file system was made with signed or unsigned chars.
/// </summary>
internal sealed class DirectoryHash
{
    public const byte Legacy = 0;
    public const byte HalfMd4 = 1;
    public const byte Tea = 2;
    private const byte FirstUnsigned = 3; // the same three once more

    /// <summary>Marks the end of a directory for the kernel, so no name may have it.</summary>
    private const uint EndOfDirectory = 0xFFFF_FFFE;

    private static readonly uint[] DefaultSeed = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476];

    private readonly uint[] _seed;
    private readonly bool _unsigned;

    /// <param name="version">0 legacy, 1 half MD4, 2 TEA; 3 to 5 the same over unsigned characters.</param>
    /// <param name="seed">16 bytes; all zeros mean the built-in one.</param>
    public DirectoryHash(byte version, bool unsigned, ReadOnlySpan<byte> seed)
    {
        Version = version;
        _unsigned = unsigned || version >= FirstUnsigned;
        _seed = new uint[4];
        for (int i = 0; i < _seed.Length; i++) _seed[i] = BinaryPrimitives.ReadUInt32LittleEndian(seed[(4 * i)..]);
        if (!_seed.AsSpan().ContainsAnyExcept(0u)) _seed = DefaultSeed;
    }

    private DirectoryHash(byte version, DirectoryHash other) => (Version, _unsigned, _seed) = (version, other._unsigned || version >= FirstUnsigned, other._seed);

    public byte Version { get; }

    /// <summary>The same seed with the version that a directory's root names.</summary>
    public DirectoryHash WithVersion(byte version) => version == Version ? this : new DirectoryHash(version, this);

    /// <exception cref="InvalidFormatException">Unknown version.</exception>
    public uint Compute(ReadOnlySpan<byte> name)
    {
        uint hash = (Version % FirstUnsigned) switch
        {
            _ when Version >= 2 * FirstUnsigned => throw Ext4Error.Invalid($"unknown directory hash {Version}"),
            Legacy => ComputeLegacy(name),
            HalfMd4 => ComputeHalfMd4(name),
            _ => ComputeTea(name),
        };
        hash &= ~1u;
        return hash == EndOfDirectory ? hash - 2 : hash;
    }

    private uint ComputeLegacy(ReadOnlySpan<byte> name)
    {
        uint hash, last = 0x12A3FE2D, before = 0x37ABE8F9;
        foreach (byte character in name)
        {
            hash = before + (last ^ (Value(character) * 7152373));
            if ((hash & 0x8000_0000) != 0) hash -= 0x7FFF_FFFF;
            (before, last) = (last, hash);
        }

        return last << 1;
    }

    private uint ComputeHalfMd4(ReadOnlySpan<byte> name)
    {
        Span<uint> state = stackalloc uint[4], words = stackalloc uint[8];
        _seed.CopyTo(state);
        for (int at = 0; at < name.Length; at += 4 * words.Length)
        {
            Fill(name[at..], words);
            TransformHalfMd4(state, words);
        }

        return state[1];
    }

    private uint ComputeTea(ReadOnlySpan<byte> name)
    {
        Span<uint> words = stackalloc uint[4];
        uint x = _seed[0], y = _seed[1];
        for (int at = 0; at < name.Length; at += 4 * words.Length)
        {
            Fill(name[at..], words);
            uint sum = 0, u = x, v = y;
            for (int round = 0; round < 16; round++)
            {
                sum += 0x9E3779B9;
                u += ((v << 4) + words[0]) ^ (v + sum) ^ ((v >> 5) + words[1]);
                v += ((u << 4) + words[2]) ^ (u + sum) ^ ((u >> 5) + words[3]);
            }

            x += u;
            y += v;
        }

        return x;
    }

    private uint Value(byte character) => _unsigned ? character : (uint)(sbyte)character;

    /// <summary>Packs characters into words, most significant first; the rest repeats the length that was left.</summary>
    private void Fill(ReadOnlySpan<byte> rest, Span<uint> words)
    {
        uint padding = (uint)rest.Length | ((uint)rest.Length << 8);
        padding |= padding << 16;
        int length = Math.Min(rest.Length, 4 * words.Length);
        words.Fill(padding);
        uint value = padding;
        for (int i = 0; i < length; i++)
        {
            value = Value(rest[i]) + (value << 8);
            if ((i & 3) != 3) continue;
            words[i >> 2] = value;
            value = padding;
        }

        if ((length & 3) != 0) words[length >> 2] = value;
    }

    private static void TransformHalfMd4(Span<uint> state, ReadOnlySpan<uint> x)
    {
        const uint K2 = 0x5A827999, K3 = 0x6ED9EBA1;
        uint a = state[0], b = state[1], c = state[2], d = state[3];
        for (int i = 0; i < 8; i += 4)
        {
            a = BitOperations.RotateLeft(a + F(b, c, d) + x[i], 3);
            d = BitOperations.RotateLeft(d + F(a, b, c) + x[i + 1], 7);
            c = BitOperations.RotateLeft(c + F(d, a, b) + x[i + 2], 11);
            b = BitOperations.RotateLeft(b + F(c, d, a) + x[i + 3], 19);
        }

        for (int i = 1; i >= 0; i--)
        {
            a = BitOperations.RotateLeft(a + G(b, c, d) + x[i] + K2, 3);
            d = BitOperations.RotateLeft(d + G(a, b, c) + x[i + 2] + K2, 5);
            c = BitOperations.RotateLeft(c + G(d, a, b) + x[i + 4] + K2, 9);
            b = BitOperations.RotateLeft(b + G(c, d, a) + x[i + 6] + K2, 13);
        }

        for (int i = 3; i >= 1; i -= 2)
        {
            a = BitOperations.RotateLeft(a + (b ^ c ^ d) + x[i] + K3, 3);
            d = BitOperations.RotateLeft(d + (a ^ b ^ c) + x[i + 4] + K3, 9);
            c = BitOperations.RotateLeft(c + (d ^ a ^ b) + x[i - 1] + K3, 11);
            b = BitOperations.RotateLeft(b + (c ^ d ^ a) + x[i + 3] + K3, 15);
        }

        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
    }

    private static uint F(uint x, uint y, uint z) => z ^ (x & (y ^ z));

    private static uint G(uint x, uint y, uint z) => (x & y) + ((x ^ y) & z);
}
