namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>Limits of an LSMT file; those of the format's own reader.</summary>
public static class LsmtLimits
{
    /// <summary>Index entries of a read-only layer, padding included.</summary>
    public const int MaxEntries = 1_000_000;

    /// <summary>Index entries of a writable layer's log.</summary>
    public const int MaxLogEntries = 128_000_000;

    /// <summary>Bytes of a device: what offsets of 50 bits can name.</summary>
    public const long MaxVirtualSize = LsmtExtent.InvalidOffset * LsmtExtent.SectorSize;
}
