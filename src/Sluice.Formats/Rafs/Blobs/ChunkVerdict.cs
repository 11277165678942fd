namespace Sluice.Formats.Rafs.Blobs;

/// <summary>What a check of a decoded chunk found.</summary>
public enum ChunkVerdict
{
    /// <summary>The digest (or, where there is none, the CRC-32C) is right.</summary>
    Good,

    /// <summary>It is not.</summary>
    Corrupt,

    /// <summary>The image has neither digest nor checksum for this chunk.</summary>
    Unverifiable,
}
