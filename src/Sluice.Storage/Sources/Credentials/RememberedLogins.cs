using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>
/// Logins that came with pulls of a container runtime, in memory only and for the repository that was pulled. An image is read
/// long after its pull, so a login stays until it has not been used for <paramref name="life"/>. Of one repository the last
/// few are kept: pods may have different secrets for it, and the one that came last may be the wrong one. May be used concurrently.
/// </summary>
public sealed class RememberedLogins(TimeSpan life, TimeProvider time) : ICredentialSource
{
    private const int RepositoryLimit = 4096;
    private const int LoginsOfOne = 4;

    private readonly Lock _gate = new();
    private readonly Dictionary<RepositoryName, Entry> _entries = [];

    public int Count
    {
        get
        {
            lock (_gate) return _entries.Count;
        }
    }

    public void Remember(ImageReference image, RegistryCredential login)
    {
        if (image.Transport != ImageTransport.Registry || login.IsAnonymous) return;
        RepositoryName repository = new(image.Host, image.Repository);
        lock (_gate)
        {
            RemoveOld();
            IReadOnlyList<RegistryCredential> before = _entries.GetValueOrDefault(repository)?.Logins ?? [];
            _entries[repository] = new Entry([login, .. before.Where(other => !other.Equals(login)).Take(LoginsOfOne - 1)], time.GetUtcNow());
        }
    }

    Task<IReadOnlyList<RegistryCredential>> ICredentialSource.FindAsync(RepositoryName repository, bool anew, CancellationToken cancellation)
    {
        lock (_gate)
        {
            RemoveOld();
            if (!_entries.TryGetValue(repository, out Entry? entry)) return Task.FromResult<IReadOnlyList<RegistryCredential>>([]);
            _entries[repository] = entry with { Used = time.GetUtcNow() };
            return Task.FromResult(entry.Logins);
        }
    }

    private void RemoveOld()
    {
        DateTimeOffset oldest = time.GetUtcNow() - life;
        foreach ((RepositoryName repository, Entry entry) in _entries)
        {
            if (entry.Used < oldest) _entries.Remove(repository);
        }

        if (_entries.Count >= RepositoryLimit) _entries.Remove(_entries.MinBy(entry => entry.Value.Used).Key);
    }

    private sealed record Entry(IReadOnlyList<RegistryCredential> Logins, DateTimeOffset Used);
}
