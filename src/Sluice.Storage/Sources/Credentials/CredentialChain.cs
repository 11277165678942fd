using System.Runtime.CompilerServices;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>All sources of logins in their order: what containerd was given, secret files, the kubelet's providers, the login file.</summary>
internal sealed class CredentialChain
{
    private readonly IReadOnlyList<ICredentialSource> _sources;

    public CredentialChain(SourceOptions options)
    {
        CredentialOptions credentials = options.Credentials;
        List<ICredentialSource> sources = [];
        if (credentials.Remembered is not null) sources.Add(credentials.Remembered);
        sources.AddRange(credentials.SecretFiles.Select(path => new SecretFiles(path)));
        sources.AddRange(credentials.Providers.Select(provider => new ProviderPlugin(provider, options.Time)));
        sources.Add(new LoginFile(options.AuthFile, new CredentialProgram(options.Time)));
        _sources = sources;
    }

    /// <summary>
    /// Every login for a repository, asked for one by one; <see cref="RegistryCredential.Anonymous"/> alone if there is none. A source that is
    /// broken does not hide the others: its error comes after the last login, and only if it was asked anew.
    /// </summary>
    public async IAsyncEnumerable<RegistryCredential> FindAsync(RepositoryName repository, bool anew, [EnumeratorCancellation] CancellationToken cancellation)
    {
        SluiceException? broken = null;
        bool found = false;
        foreach (ICredentialSource source in _sources)
        {
            IReadOnlyList<RegistryCredential> logins = [];
            try
            {
                logins = await source.FindAsync(repository, anew, cancellation).ConfigureAwait(false);
            }
            catch (SluiceException error)
            {
                broken ??= error;
            }

            foreach (RegistryCredential login in logins)
            {
                found = true;
                yield return login;
            }
        }

        if (broken is not null && anew) throw broken;
        if (broken is null && !found) yield return RegistryCredential.Anonymous;
    }
}
