using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>
/// Logins that came with pulls of a container runtime, for the repository that was pulled. An image is read
/// long after its pull, so a login stays until it has not been used for <paramref name="life"/>. Of one repository the last
/// few are kept: pods may have different secrets for it, and the one that came last may be the wrong one. May be used concurrently.
/// </summary>
/// <param name="life">At first; see <see cref="Life"/>.</param>
public sealed class RememberedLogins(TimeSpan life, TimeProvider time) : ICredentialSource
{
    private const int RepositoryLimit = 4096;
    private const int LoginsOfOne = 4;

    /// <summary>So long after a login has come the pull that brought it may not be known yet.</summary>
    private static readonly TimeSpan PullTime = TimeSpan.FromMinutes(10);

    /// <summary>So much older may what <see cref="Keep"/> was told of be than the last use: who keeps it needs not do so at each read.</summary>
    private static readonly TimeSpan Precision = TimeSpan.FromHours(1);

    /// <summary>So long after it could not be kept the next use tells again.</summary>
    private static readonly TimeSpan KeepAgain = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<RepositoryName, Entry> _entries = [];
    private TimeSpan _life = life;
    private DateTimeOffset? _again; // what is to be kept is another list than what was

    /// <summary>Called, from any thread, when <see cref="Used"/> is another list; false: it could not be kept, and a later use asks again.</summary>
    public Func<bool>? Keep { get; set; }

    /// <summary>How long a login stays after its last use.</summary>
    public TimeSpan Life
    {
        get
        {
            lock (_gate) return _life;
        }

        set
        {
            lock (_gate) _life = value;
        }
    }

    /// <summary>Those that reading an image took, which it will take again. What a pull brought for an image that is not read through here is not among them.</summary>
    public IReadOnlyList<RememberedLogin> Used
    {
        get
        {
            lock (_gate)
            {
                RemoveOld();
                return [.. _entries.Where(entry => entry.Value.IsTaken).Select(entry => new RememberedLogin(entry.Key.Host, entry.Key.Path, entry.Value.Logins, entry.Value.Used))];
            }
        }
    }

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
        bool changed;
        lock (_gate)
        {
            RemoveOld();
            Entry? before = _entries.GetValueOrDefault(repository);
            _entries[repository] = new Entry([login, .. (before?.Logins ?? []).Where(other => !other.Equals(login)).Take(LoginsOfOne - 1)], time.GetUtcNow(), time.GetUtcNow(), before?.Told ?? default);
            changed = before is { IsTaken: true } && !before.Logins[0].Equals(login);
        }

        if (changed) Tell();
    }

    /// <summary>What an earlier process had; what is known here already stays as it is.</summary>
    public void Restore(IEnumerable<RememberedLogin> logins)
    {
        lock (_gate)
        {
            foreach (RememberedLogin login in logins) _entries.TryAdd(new RepositoryName(login.Host, login.Repository), new Entry(login.Logins, default, login.Used, login.Used));
            RemoveOld();
        }
    }

    /// <summary>Nothing of a repository is read any more. What came just now stays: it is for what is being pulled.</summary>
    public void Forget(ImageReference image)
    {
        RepositoryName repository = new(image.Host, image.Repository);
        lock (_gate)
        {
            if (!_entries.TryGetValue(repository, out Entry? entry) || time.GetUtcNow() - entry.Came < PullTime) return;
            _entries.Remove(repository);
        }

        Tell();
    }

    /// <summary>Nothing is remembered any more.</summary>
    public void Clear()
    {
        lock (_gate) _entries.Clear();
    }

    Task<IReadOnlyList<RegistryCredential>> ICredentialSource.FindAsync(RepositoryName repository, bool anew, CancellationToken cancellation)
    {
        IReadOnlyList<RegistryCredential> found;
        bool tell;
        lock (_gate)
        {
            RemoveOld();
            if (!_entries.TryGetValue(repository, out Entry? entry)) return Task.FromResult<IReadOnlyList<RegistryCredential>>([]);
            DateTimeOffset now = time.GetUtcNow();
            tell = now - entry.Told > Precision || now >= _again;
            _entries[repository] = entry with { Used = now, Told = tell ? now : entry.Told };
            found = entry.Logins;
        }

        if (tell) Tell();
        return Task.FromResult(found);
    }

    private void Tell()
    {
        bool isKept = Keep?.Invoke() ?? true;
        lock (_gate) _again = isKept ? null : time.GetUtcNow() + KeepAgain;
    }

    private void RemoveOld()
    {
        DateTimeOffset oldest = time.GetUtcNow() - _life;
        foreach ((RepositoryName repository, Entry entry) in _entries)
        {
            if (entry.Used < oldest) _entries.Remove(repository);
        }

        if (_entries.Count >= RepositoryLimit) _entries.Remove(_entries.MinBy(entry => entry.Value.Used).Key);
    }

    /// <param name="Used">By a read, or when it came.</param>
    /// <param name="Told">What was said of <paramref name="Used"/> last; never, if no read has taken it.</param>
    private sealed record Entry(IReadOnlyList<RegistryCredential> Logins, DateTimeOffset Came, DateTimeOffset Used, DateTimeOffset Told)
    {
        public bool IsTaken => Told != default;
    }
}
