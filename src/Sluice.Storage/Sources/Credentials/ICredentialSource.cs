using Sluice.Formats;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>
/// A place where logins are kept. It is asked whenever a token or a header is needed, which may be every few seconds and from
/// many threads, so what costs a process or a request is kept as long as its owner allows. A login that was changed is found
/// by the next question, or by one with <c>anew</c>, which is asked after a refusal and takes nothing from memory.
/// </summary>
internal interface ICredentialSource
{
    /// <summary>Logins for a repository, the most fitting first; empty if none is known.</summary>
    /// <param name="anew">Nothing remembered is good enough.</param>
    /// <exception cref="SluiceException">The source is broken, not empty; as <see cref="Registries.RegistryFault"/> if that may pass. Never tells a secret.</exception>
    Task<IReadOnlyList<RegistryCredential>> FindAsync(RepositoryName repository, bool anew, CancellationToken cancellation);
}
