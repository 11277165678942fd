namespace Sluice.Storage.Sources.Extra;

/// <summary>How an extra source is read.</summary>
public enum ExtraSourceKind
{
    /// <summary>Files in a directory, of a NAS for example.</summary>
    Directory,

    /// <summary>Any HTTP server that answers ranges.</summary>
    Http,

    /// <summary>A bucket of an object store that speaks S3.</summary>
    S3,
}
