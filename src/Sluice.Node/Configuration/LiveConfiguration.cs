using Sluice.Formats;

namespace Sluice.Node.Configuration;

/// <summary>
/// The options that hold now. They can be read anew while the daemon runs: keys that can change do, of the others it is said that they need a
/// restart, and a wrong file changes nothing. All members may be called concurrently.
/// </summary>
/// <param name="read">Reads file and command line.</param>
/// <param name="file">Whose changes are noticed; null: none.</param>
/// <exception cref="SluiceException">From <paramref name="read"/>, which is called once.</exception>
public sealed class LiveConfiguration(Func<NodeOptions> read, string? file = null)
{
    private readonly Lock _gate = new();
    private volatile NodeOptions _current = HostFiles.LookAt(read());

    /// <summary>
    /// Asked before new values hold, one at a time; makes them hold with what it returns. What it throws is what is wrong with them.
    /// </summary>
    public Func<NodeOptions, Action>? Prepare { get; set; }

    /// <summary>Raised, one at a time, when values have changed that hold from now on.</summary>
    public event Action<NodeOptions>? Changed;

    public NodeOptions Current => _current;

    public string? File => file;

    /// <exception cref="SluiceException">The file is wrong; nothing has changed.</exception>
    public ReloadedConfiguration Reload()
    {
        lock (_gate)
        {
            NodeOptions wanted = HostFiles.LookAt(read()), next = _current;
            ConfigurationKey[] different = [.. ConfigurationKeys.All.Where(key => key.Differs(_current, wanted))];
            ConfigurationKey[] changed = [.. different.Where(key => key.Take is not null)];
            foreach (ConfigurationKey key in changed) next = key.Take!(next, wanted);
            if (changed.Length > 0)
            {
                Action? change = Prepare?.Invoke(next);
                change?.Invoke();
                _current = next; // not before: if that has failed, the next attempt is to find the difference again
                Changed?.Invoke(next);
            }

            return new ReloadedConfiguration([.. changed.Select(key => key.Name)], [.. different.Except(changed).Select(key => key.Name)]);
        }
    }
}
