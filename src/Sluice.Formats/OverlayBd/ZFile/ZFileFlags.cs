namespace Sluice.Formats.OverlayBd.ZFile;

/// <summary>Flags of a ZFile's header and trailer.</summary>
[Flags]
public enum ZFileFlags : ulong
{
    None = 0,

    /// <summary>Set in the header, clear in the trailer.</summary>
    Header = 1 << 0,

    /// <summary>Always set: an index file apart from its data was never built.</summary>
    DataFile = 1 << 1,

    /// <summary>The file is complete. Only trailers have it, even where the header was written again at the end.</summary>
    Sealed = 1 << 2,

    /// <summary>The header was written again at the end and holds what the trailer holds.</summary>
    HeaderOverwritten = 1 << 3,

    /// <summary>The digest field is valid.</summary>
    Digest = 1 << 4,

    /// <summary>Declared, but no reader honours it; refused.</summary>
    IndexCompressed = 1 << 5,
}
