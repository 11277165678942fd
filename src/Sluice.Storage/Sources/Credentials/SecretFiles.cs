using Sluice.Formats;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>
/// Kubernetes secrets of type <c>dockerconfigjson</c> and <c>dockercfg</c>, mounted or copied: a file, or a directory whose
/// files, and those of its directories, are the secrets. Looked at anew for each question, so that secrets that come, change
/// and go count at once; the kubelet changes a mounted secret by turning a link, so a file is never half there.
/// </summary>
internal sealed class SecretFiles(string path) : ICredentialSource
{
    private const int FileLimit = 1000;

    public async Task<IReadOnlyList<RegistryCredential>> FindAsync(RepositoryName repository, bool anew, CancellationToken cancellation)
    {
        List<RegistryCredential> logins = [];
        SluiceException? broken = null;
        foreach (string file in Files())
        {
            try
            {
                logins.AddRange((await LoginDocument.ReadAsync(file, cancellation).ConfigureAwait(false)).LoginsFor(repository));
            }
            catch (SluiceException error)
            {
                broken ??= error; // the others are as good as before
            }
        }

        return logins.Count > 0 || broken is null ? logins : throw broken;
    }

    /// <summary>A path that is not there yet has no secrets yet.</summary>
    private IEnumerable<string> Files()
    {
        if (File.Exists(path)) return [path];
        if (!Directory.Exists(path)) return [];
        return In(path).Concat(Directory.EnumerateDirectories(path).Where(IsVisible).Order(StringComparer.Ordinal).SelectMany(In)).Take(FileLimit);
    }

    /// <summary>The keys that a secret of one of the types has, and whatever ends in <c>.json</c>.</summary>
    private static IEnumerable<string> In(string directory) =>
        Directory.EnumerateFiles(directory).Where(file => Path.GetFileName(file) is ".dockerconfigjson" or ".dockercfg" || file.EndsWith(".json", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    /// <summary>The kubelet's own directories (<c>..data</c>) hold what the links beside them show.</summary>
    private static bool IsVisible(string directory) => !Path.GetFileName(directory).StartsWith('.');
}
