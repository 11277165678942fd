namespace Sluice.Formats.Tar;

/// <summary>What an archive may make a reader hold in memory. All far above what real archives need.</summary>
internal static class TarLimits
{
    /// <summary>Largest size of anything in bytes: leaves room to add two of them.</summary>
    public const long Size = 1L << 62;

    /// <summary>Path and link target of one entry together, in bytes, counting every time they are given.</summary>
    public const int Names = 1 << 20;

    /// <summary>Content of one extension header in bytes.</summary>
    public const int ExtensionHeader = 8 << 20;

    /// <summary>Extension headers before one entry.</summary>
    public const int ExtensionHeaders = 64;

    /// <summary>Linux: XATTR_SIZE_MAX.</summary>
    public const int AttributeValue = 65536;

    /// <summary>Linux: XATTR_NAME_MAX.</summary>
    public const int AttributeName = 255;

    /// <summary>
    /// Names of all attributes of an entry in bytes: four times Linux' XATTR_LIST_MAX, because one attribute may be there in
    /// several notations.
    /// </summary>
    public const int AttributeNames = 4 * 65536;

    /// <summary>Attributes that global headers may give to every entry.</summary>
    public const int GlobalAttributes = 64;

    public const int SparseRuns = 1_000_000;
}
