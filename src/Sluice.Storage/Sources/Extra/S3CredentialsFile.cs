using Sluice.Formats;

namespace Sluice.Storage.Sources.Extra;

/// <summary>A file of sections with keys, as <c>~/.aws/credentials</c>. Read again when it has changed, so that keys can be rotated.</summary>
internal sealed class S3CredentialsFile(string path, string profile)
{
    private readonly Lock _gate = new();
    private (DateTime Written, long Length) _seen;
    private S3Credentials? _known;

    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: no file, or no keys in the section.</exception>
    public S3Credentials Read()
    {
        lock (_gate)
        {
            try
            {
                FileInfo file = new(path);
                if (_known is not null && _seen == (file.LastWriteTimeUtc, file.Length)) return _known;
                _seen = (file.LastWriteTimeUtc, file.Length);
                return _known = Parse(File.ReadLines(path));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new SluiceException(SluiceError.Configuration, path, exception.Message, inner: exception);
            }
        }
    }

    private S3Credentials Parse(IEnumerable<string> lines)
    {
        Dictionary<string, string> values = new(StringComparer.OrdinalIgnoreCase);
        bool inside = false;
        foreach (string line in lines.Select(line => line.Trim()))
        {
            if (line.StartsWith('['))
            {
                inside = line.Trim('[', ']', ' ') == profile;
            }
            else if (inside && line.IndexOf('=', StringComparison.Ordinal) is > 0 and int equals && line[0] is not ('#' or ';'))
            {
                values[line[..equals].Trim()] = line[(equals + 1)..].Trim();
            }
        }

        return values.TryGetValue("aws_access_key_id", out string? access) && values.TryGetValue("aws_secret_access_key", out string? secret)
            ? new S3Credentials(access, secret, values.GetValueOrDefault("aws_session_token"))
            : throw new SluiceException(SluiceError.Configuration, path, $"has no aws_access_key_id and aws_secret_access_key in its section [{profile}]");
    }
}
