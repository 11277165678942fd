namespace Sluice.Storage.Sources.Extra;

/// <summary>
/// A place besides the registry that has blobs of some images, each under a name made of its digest. What it delivers is checked like what the
/// registry delivers, and it is trusted as much: see docs/sources.md.
/// </summary>
public sealed record ExtraSourceOptions
{
    public required ExtraSourceKind Kind { get; init; }

    /// <summary>Which images: <c>HOST/REPOSITORY</c> with <c>*</c> and <c>?</c>; one without slash means all of a host.</summary>
    public IReadOnlyList<string> Images { get; init; } = ["*"];

    public ExtraSourceOrder Order { get; init; } = ExtraSourceOrder.First;

    /// <summary>Where a blob is: <c>{algorithm}</c>, <c>{hex}</c> and <c>{hex2}</c>, the first two digits, stand for parts of its digest.</summary>
    public string Object { get; init; } = "{algorithm}/{hex}";

    /// <summary>The directory.</summary>
    public string Path { get; init; } = "";

    /// <summary>Of <see cref="ExtraSourceKind.Http"/>: what goes before the object; of <see cref="ExtraSourceKind.S3"/>: the store's address, without bucket.</summary>
    public Uri? Address { get; init; }

    public string Bucket { get; init; } = "";

    /// <summary>Goes before the object's name in the bucket, as it is: end it with a slash where one is meant.</summary>
    public string Prefix { get; init; } = "";

    public string Region { get; init; } = "us-east-1";

    /// <summary>True: the bucket is the first part of the path; false: of the host name.</summary>
    public bool PathStyle { get; init; } = true;

    /// <summary>A file like <c>~/.aws/credentials</c>, looked at again when it changes. Null: <c>$AWS_ACCESS_KEY_ID</c> and its like; without these, unsigned.</summary>
    public string? CredentialsFile { get; init; }

    /// <summary>Section of <see cref="CredentialsFile"/>.</summary>
    public string Profile { get; init; } = "default";

    /// <summary>A PEM file with authorities to trust besides the system's.</summary>
    public string? Authorities { get; init; }

    /// <summary>What errors, logs and metrics call it.</summary>
    public string Name => Kind switch
    {
        ExtraSourceKind.Directory => $"directory {Path}",
        ExtraSourceKind.Http => $"http {Address?.GetLeftPart(UriPartial.Path).TrimEnd('/')}",
        _ => $"s3 {Address?.Authority}/{Bucket}",
    };
}
