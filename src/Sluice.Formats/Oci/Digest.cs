using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json.Serialization;

namespace Sluice.Formats.Oci;

/// <summary>A content digest as the OCI specifications write it: <c>sha256:</c> and 64 lower-case hex digits (or <c>sha512:</c> and 128).</summary>
[JsonConverter(typeof(DigestJsonConverter))]
public readonly record struct Digest : IComparable<Digest>
{
    private readonly string? _text;

    private Digest(string text) => _text = text;

    /// <summary><c>sha256</c> or <c>sha512</c>.</summary>
    public string Algorithm => Text[..Text.IndexOf(':', StringComparison.Ordinal)];

    /// <summary>The hex digits alone.</summary>
    public string Hex => Text[(Text.IndexOf(':', StringComparison.Ordinal) + 1)..];

    private string Text => _text ?? throw new InvalidOperationException("the digest is not set");

    public bool IsEmpty => _text is null;

    public static Digest Sha256(ReadOnlySpan<byte> content) => FromSha256(SHA256.HashData(content));

    /// <param name="hash">32 bytes.</param>
    public static Digest FromSha256(ReadOnlySpan<byte> hash) => new("sha256:" + Convert.ToHexStringLower(hash));

    /// <exception cref="InvalidFormatException">Not a digest, or of an algorithm that Sluice does not know.</exception>
    public static Digest Parse(string text) =>
        TryParse(text, out Digest digest) ? digest : throw new InvalidFormatException("digest", $"'{text}' is not a sha256 or sha512 digest");

    public static bool TryParse([NotNullWhen(true)] string? text, out Digest digest)
    {
        digest = default;
        if (text is null) return false;
        ReadOnlySpan<char> hex;
        if (text.StartsWith("sha256:", StringComparison.Ordinal) && text.Length == 7 + 64) hex = text.AsSpan(7);
        else if (text.StartsWith("sha512:", StringComparison.Ordinal) && text.Length == 7 + 128) hex = text.AsSpan(7);
        else return false;
        if (hex.ContainsAnyExcept("0123456789abcdef")) return false;
        digest = new Digest(text);
        return true;
    }

    /// <summary>An incremental hash of this digest's algorithm.</summary>
    public IncrementalHash NewHash() =>
        IncrementalHash.CreateHash(Algorithm == "sha512" ? HashAlgorithmName.SHA512 : HashAlgorithmName.SHA256);

    /// <summary>True if a finished hash of <see cref="NewHash"/> is this digest.</summary>
    public bool Matches(ReadOnlySpan<byte> hash) => Hex == Convert.ToHexStringLower(hash);

    public int CompareTo(Digest other) => string.CompareOrdinal(_text, other._text);

    public static bool operator <(Digest left, Digest right) => left.CompareTo(right) < 0;

    public static bool operator >(Digest left, Digest right) => left.CompareTo(right) > 0;

    public static bool operator <=(Digest left, Digest right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Digest left, Digest right) => left.CompareTo(right) >= 0;

    public override string ToString() => _text ?? "";
}
