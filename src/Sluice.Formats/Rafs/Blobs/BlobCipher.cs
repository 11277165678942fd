using System.Collections.Concurrent;
using Sluice.Formats.Encryption;

namespace Sluice.Formats.Rafs.Blobs;

/// <summary>
/// Encryption of an encrypted blob's pieces: each chunk, batch, chunk-info array and header is one data unit of AES-128-XTS
/// under the same key and the same initialisation vector (so equal chunks are visibly equal; that is the format). Safe for
/// concurrent use.
/// </summary>
/// <remarks>
/// XTS needs 16 bytes. Shorter pieces are filled up to 16 with the number of missing bytes, as in CMS, and get the two bytes
/// 0x78 0x90 behind them: 18 in all.
/// </remarks>
internal sealed class BlobCipher
{
    public const int PaddedSize = AesXts.BlockSize + 2;

    private readonly byte[] _key;
    private readonly byte[] _iv;
    private readonly ConcurrentBag<AesXts> _ciphers = [];

    private BlobCipher(ReadOnlySpan<byte> key, ReadOnlySpan<byte> iv)
    {
        _key = key.ToArray();
        _iv = iv.ToArray();
    }

    private static ReadOnlySpan<byte> PaddingEnd => [0x78, 0x90];

    /// <summary>The blob's cipher, or null if it is not encrypted.</summary>
    /// <exception cref="InvalidFormatException">A cipher that nydus does not use for blobs, or no usable key.</exception>
    public static BlobCipher? For(RafsBlob blob)
    {
        if (blob.Cipher == RafsCipher.None)
        {
            return !blob.Features.HasFlag(BlobFeatures.Encrypted)
                ? null
                : throw new InvalidFormatException("nydus blob", $"blob {blob.Id} is encrypted, but the bootstrap names no cipher");
        }

        if (blob.Cipher != RafsCipher.Aes128Xts) throw new InvalidFormatException("nydus blob", $"blob {blob.Id} is encrypted with {blob.Cipher}");
        ReadOnlySpan<byte> key = blob.CipherKey.Span;
        if (key.Length != AesXts.KeySize || blob.CipherIv.Length != AesXts.BlockSize || key[..(AesXts.KeySize / 2)].SequenceEqual(key[(AesXts.KeySize / 2)..]))
        {
            throw new InvalidFormatException("nydus blob", $"blob {blob.Id} has no usable key");
        }

        return new BlobCipher(key, blob.CipherIv.Span);
    }

    public byte[] Decrypt(ReadOnlySpan<byte> source)
    {
        byte[] plain = new byte[source.Length];
        return plain[..Decrypt(source, plain, source.Length)];
    }

    /// <summary>Decrypts one piece.</summary>
    /// <param name="destination">As long as the source, or longer.</param>
    /// <param name="expected">
    /// How long the plain text is, or -1 if unknown. Unknown, 18 bytes that end like padding are taken for padded.
    /// </param>
    /// <returns>Length of the plain text.</returns>
    /// <exception cref="InvalidFormatException">Shorter than 16 bytes, or broken padding.</exception>
    public int Decrypt(ReadOnlySpan<byte> source, Span<byte> destination, int expected)
    {
        if (source.Length < AesXts.BlockSize) throw new InvalidFormatException("nydus blob", $"{source.Length} encrypted bytes are less than a block");
        Span<byte> plain = destination[..source.Length];
        AesXts cipher = _ciphers.TryTake(out AesXts? pooled) ? pooled : new AesXts(_key);
        cipher.Decrypt(_iv, source, plain);
        _ciphers.Add(cipher);
        if (plain.Length != PaddedSize || expected == PaddedSize || !plain[AesXts.BlockSize..].SequenceEqual(PaddingEnd)) return plain.Length;
        int missing = plain[AesXts.BlockSize - 1];
        return missing < AesXts.BlockSize
            ? AesXts.BlockSize - missing
            : throw new InvalidFormatException("nydus blob", "encrypted bytes with broken padding");
    }

    /// <summary>Encrypts one piece.</summary>
    public byte[] Encrypt(ReadOnlySpan<byte> source)
    {
        byte[] result = new byte[source.Length < AesXts.BlockSize ? PaddedSize : source.Length];
        source.CopyTo(result);
        if (source.Length < AesXts.BlockSize)
        {
            result.AsSpan(source.Length, AesXts.BlockSize - source.Length).Fill((byte)(AesXts.BlockSize - source.Length));
            PaddingEnd.CopyTo(result.AsSpan(AesXts.BlockSize));
        }

        AesXts cipher = _ciphers.TryTake(out AesXts? pooled) ? pooled : new AesXts(_key);
        cipher.Encrypt(_iv, result, result);
        _ciphers.Add(cipher);
        return result;
    }
}
