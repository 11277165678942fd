using System.Globalization;

namespace Sluice.Storage.Sources.Extra;

/// <summary>Signs requests to a bucket, or leaves them as they are where nobody has given keys.</summary>
internal sealed class S3Signer(ExtraSourceOptions options, TimeProvider time)
{
    private readonly S3CredentialsFile? _file = options.CredentialsFile is { } path ? new S3CredentialsFile(path, options.Profile) : null;

    /// <param name="path">The request's path as it goes over the line.</param>
    /// <param name="range">The value of its <c>Range</c>.</param>
    /// <exception cref="Formats.SluiceException"><see cref="Formats.SluiceError.Configuration"/>: the credentials file can't be used.</exception>
    public void Sign(HttpRequestMessage request, string path, string range)
    {
        if ((_file is null ? FromEnvironment() : _file.Read()) is not { } credentials) return;
        DateTimeOffset now = time.GetUtcNow();
        List<KeyValuePair<string, string>> headers =
        [
            new("host", request.RequestUri!.IsDefaultPort ? request.RequestUri.Host : request.RequestUri.Authority),
            new("range", range),
            new("x-amz-content-sha256", SignatureV4.EmptyPayload),
            new("x-amz-date", now.UtcDateTime.ToString(SignatureV4.TimeFormat, CultureInfo.InvariantCulture)),
        ];
        if (credentials.SessionToken is { } token) headers.Add(new("x-amz-security-token", token));
        foreach ((string name, string value) in headers.Skip(2)) request.Headers.TryAddWithoutValidation(name, value);
        string authorization = SignatureV4.Authorization(request.Method.Method, path, "", headers, SignatureV4.EmptyPayload, now, options.Region, "s3", credentials);
        request.Headers.TryAddWithoutValidation("Authorization", authorization);
    }

    private static S3Credentials? FromEnvironment()
    {
        string? access = Environment.GetEnvironmentVariable("AWS_ACCESS_KEY_ID"), secret = Environment.GetEnvironmentVariable("AWS_SECRET_ACCESS_KEY");
        string? token = Environment.GetEnvironmentVariable("AWS_SESSION_TOKEN");
        return string.IsNullOrEmpty(access) || string.IsNullOrEmpty(secret) ? null : new S3Credentials(access, secret, string.IsNullOrEmpty(token) ? null : token);
    }
}
