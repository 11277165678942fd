namespace Sluice.Storage.Sources.Extra;

/// <summary>Who asks an object store. Not printed.</summary>
internal sealed class S3Credentials(string accessKey, string secretKey, string? sessionToken)
{
    public string AccessKey { get; } = accessKey;

    public string SecretKey { get; } = secretKey;

    /// <summary>Of credentials that run out.</summary>
    public string? SessionToken { get; } = sessionToken;
}
