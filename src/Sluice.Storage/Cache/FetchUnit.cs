namespace Sluice.Storage.Cache;

/// <summary>The compressed range of a unit in the blob file, what it decodes to, and how many known chunks it holds. Bytes.</summary>
public readonly record struct FetchUnit(long CompressedOffset, int CompressedLength, int DecodedLength, int MemberCount)
{
    public long CompressedEnd => CompressedOffset + CompressedLength;
}
