using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Sluice.Formats.Encryption;

/// <summary>
/// AES-128 in XTS mode with ciphertext stealing (IEEE 1619-2018, NIST SP 800-38E): encrypted RAFS chunks. A data unit is
/// one chunk. Confidential only: digests, not this mode, tell whether data is right. Not safe for concurrent use.
/// </summary>
public sealed class AesXts : IDisposable
{
    /// <summary>Bytes of a key: the data key, then the tweak key.</summary>
    public const int KeySize = 32;

    public const int BlockSize = 16;

    /// <summary>Blocks whose tweaks are made at once.</summary>
    private const int Batch = 64;

    private readonly Aes _data = Aes.Create();
    private readonly Aes _tweak = Aes.Create();

    /// <param name="key">32 bytes; the halves should differ.</param>
    public AesXts(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeySize) throw new ArgumentException("an AES-128-XTS key has 32 bytes", nameof(key));
        _data.SetKey(key[..(KeySize / 2)]);
        _tweak.SetKey(key[(KeySize / 2)..]);
    }

    /// <summary>Decrypts a data unit.</summary>
    /// <param name="iv">16 bytes: the number of the data unit, before its encryption with the tweak key.</param>
    /// <param name="source">At least 16 bytes.</param>
    /// <param name="destination">As long as the source; may be the source.</param>
    public void Decrypt(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> source, Span<byte> destination) =>
        Transform(iv, source, destination, encrypt: false);

    /// <summary>Encrypts a data unit; parameters as for <see cref="Decrypt"/>.</summary>
    public void Encrypt(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> source, Span<byte> destination) =>
        Transform(iv, source, destination, encrypt: true);

    public void Dispose()
    {
        _data.Dispose();
        _tweak.Dispose();
    }

    private void Transform(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> source, Span<byte> destination, bool encrypt)
    {
        if (iv.Length != BlockSize) throw new ArgumentException("an initialisation vector has 16 bytes", nameof(iv));
        if (destination.Length != source.Length) throw new ArgumentException("must be as long as the source", nameof(destination));
        if (source.Length < BlockSize) throw new InvalidFormatException("aes-xts", $"{source.Length} bytes are less than a block");

        Span<byte> start = stackalloc byte[BlockSize];
        _tweak.EncryptEcb(iv, start, PaddingMode.None);
        UInt128 tweak = BinaryPrimitives.ReadUInt128LittleEndian(start);
        int tail = source.Length % BlockSize;
        int whole = source.Length - tail - (tail > 0 ? BlockSize : 0);
        tweak = Blocks(tweak, source[..whole], destination[..whole], encrypt);
        if (tail > 0) Steal(tweak, source[whole..], destination[whole..], encrypt);
    }

    /// <summary>The last whole block and the partial one after it: the partial one takes the end of the other's cipher.</summary>
    private void Steal(UInt128 tweak, ReadOnlySpan<byte> source, Span<byte> destination, bool encrypt)
    {
        (UInt128 first, UInt128 second) = encrypt ? (tweak, Next(tweak)) : (Next(tweak), tweak);
        Span<byte> block = stackalloc byte[BlockSize];
        Span<byte> mixed = stackalloc byte[BlockSize];
        int tail = source.Length - BlockSize;
        Blocks(first, source[..BlockSize], block, encrypt);
        source[BlockSize..].CopyTo(mixed);
        block[tail..].CopyTo(mixed[tail..]);
        Blocks(second, mixed, destination[..BlockSize], encrypt);
        block[..tail].CopyTo(destination[BlockSize..]);
    }

    /// <summary>Whole blocks.</summary>
    /// <returns>The tweak of the block that follows.</returns>
    private UInt128 Blocks(UInt128 tweak, ReadOnlySpan<byte> source, Span<byte> destination, bool encrypt)
    {
        Span<UInt128> tweaks = stackalloc UInt128[Batch];
        Span<UInt128> blocks = stackalloc UInt128[Batch];
        Span<byte> bytes = MemoryMarshal.AsBytes(blocks);
        while (!source.IsEmpty)
        {
            int count = Math.Min(Batch, source.Length / BlockSize);
            int size = count * BlockSize;
            source[..size].CopyTo(bytes);
            for (int i = 0; i < count; i++)
            {
                tweaks[i] = tweak;
                blocks[i] ^= tweak;
                tweak = Next(tweak);
            }

            if (encrypt) _data.EncryptEcb(bytes[..size], bytes[..size], PaddingMode.None);
            else _data.DecryptEcb(bytes[..size], bytes[..size], PaddingMode.None);
            for (int i = 0; i < count; i++) blocks[i] ^= tweaks[i];
            bytes[..size].CopyTo(destination);
            source = source[size..];
            destination = destination[size..];
        }

        return tweak;
    }

    /// <summary>Multiplies by x in GF(2^128) modulo x^128 + x^7 + x^2 + x + 1; the little-endian number is the polynomial.</summary>
    private static UInt128 Next(UInt128 tweak) => (tweak << 1) ^ ((tweak >> 127) * 0x87);
}
