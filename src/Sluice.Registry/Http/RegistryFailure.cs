namespace Sluice.Registry.Http;

/// <summary>An answer that is an error: a status, a code and a sentence. Source: OCI distribution-spec 1.1, "Error codes".</summary>
internal sealed class RegistryFailure(int status, string code, string message) : Exception(message)
{
    public int Status { get; } = status;

    public string Code { get; } = code;

    public static RegistryFailure BlobUnknown(string digest) => new(404, "BLOB_UNKNOWN", $"the repository has no blob {digest}");

    public static RegistryFailure BlobUploadInvalid(string message, int status = 400) => new(status, "BLOB_UPLOAD_INVALID", message);

    public static RegistryFailure BlobUploadUnknown() => new(404, "BLOB_UPLOAD_UNKNOWN", "no such upload: it was never begun, or has ended");

    public static RegistryFailure DigestInvalid(string message) => new(400, "DIGEST_INVALID", message);

    public static RegistryFailure ManifestBlobUnknown(string message) => new(400, "MANIFEST_BLOB_UNKNOWN", message);

    public static RegistryFailure ManifestInvalid(string message) => new(400, "MANIFEST_INVALID", message);

    public static RegistryFailure ManifestUnknown(string reference) => new(404, "MANIFEST_UNKNOWN", $"the repository has no manifest '{reference}'");

    public static RegistryFailure ManifestTooLarge(int limit) => new(413, "SIZE_INVALID", $"a manifest may have {limit} bytes");

    public static RegistryFailure NameInvalid(string name) => new(400, "NAME_INVALID", $"'{name}' is not a repository name");

    public static RegistryFailure NameUnknown(string name) => new(404, "NAME_UNKNOWN", $"there is no repository '{name}'");

    public static RegistryFailure SizeInvalid(string message) => new(400, "SIZE_INVALID", message);

    public static RegistryFailure Unauthorized() => new(401, "UNAUTHORIZED", "a user name and password are required");

    public static RegistryFailure Unsupported(string message, int status = 405) => new(status, "UNSUPPORTED", message);
}
