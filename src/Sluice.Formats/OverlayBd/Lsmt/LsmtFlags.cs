namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>Flags of an LSMT header or trailer.</summary>
[Flags]
public enum LsmtFlags : uint
{
    None = 0,

    /// <summary>Set in headers, clear in trailers.</summary>
    Header = 1 << 0,

    /// <summary>A file with data; clear in the log of a writable layer.</summary>
    DataFile = 1 << 1,

    /// <summary>Complete: an index and a trailer follow the data.</summary>
    Sealed = 1 << 2,

    /// <summary>Specified, never used.</summary>
    GarbageCollected = 1 << 3,

    /// <summary>A writable layer whose data file is the sparse device itself, behind the header.</summary>
    Sparse = 1 << 4,

    /// <summary>Specified, never set: the trailer counts.</summary>
    InfoValid = 1 << 5,
}
