namespace Sluice.Formats.Oci;

/// <summary>What Sluice accepts from images. Everything larger is an error before memory is spent on it.</summary>
public static class OciLimits
{
    /// <summary>Bytes of a manifest or index: 4 MiB, the limit that the distribution specification gives to registries.</summary>
    public const int Manifest = 4 << 20;

    /// <summary>Bytes of an image configuration: 8 MiB. Real ones have some KiB.</summary>
    public const int Config = 8 << 20;

    /// <summary>Layers of a manifest: 1000, well above the 500 lower directories that overlayfs takes.</summary>
    public const int Layers = 1000;

    /// <summary>Entries of an index; 4 MiB hold no more of a sensible size.</summary>
    public const int IndexEntries = 20_000;

    /// <summary>Entries of a configuration's history.</summary>
    public const int History = 10_000;

    /// <summary>Nested objects and arrays in one document.</summary>
    public const int JsonDepth = 32;

    /// <summary>Indexes inside indexes.</summary>
    public const int IndexDepth = 4;

    /// <summary>Characters of a media type. Source: RFC 6838, 127 on each side of the slash.</summary>
    public const int MediaType = 255;
}
