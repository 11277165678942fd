using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Sluice.Formats;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;

namespace Sluice.Kernel.Keeper;

/// <summary>
/// The keeper process of a state directory, which holds the descriptors of FUSE connections, and of listening sockets, so that these outlive the one that serves them: as long as one
/// descriptor is open, requests wait in the kernel instead of failing, and a successor can adopt them (<see cref="DiskServer.AdoptAsync"/>).
/// <para>
/// A name means one connection, and whoever keeps or takes it serves it from then on. A server gives each connection away as soon as it
/// is mounted (<see cref="Keep"/>); its successor begins with <see cref="Take"/>, adopts what is still mounted, and releases the rest.
/// <see cref="Release"/> follows the unmount, not the other way round. Orderly end of a server that wants to be succeeded: stop serving,
/// dispose this object, exit; nothing is released.
/// </para>
/// <para>
/// A listening socket is held likewise (<see cref="Serve"/>): who calls while nobody serves it waits, up to the keeper's deadline. The successor of its server begins with <see cref="TakeListener"/>, and with
/// <see cref="Serve"/> when it can answer.
/// </para>
/// <para>
/// A keeper knows nothing of mounts and disks. Names are 1 to 255 of <c>A-Z a-z 0-9 . _ -</c>. All members may be called concurrently and wait for
/// the other process, for seconds if that is in trouble. They throw a <see cref="SluiceException"/>: Usage for a bad name, Kernel when the keeper can't be reached
/// or refuses. Disposing lets go of the keeper, not of what it holds. If it ends while this object lives, another one is started and given all that it held
/// for this process: nothing was lost, as this process has the descriptors too.
/// </para>
/// </summary>
public sealed class KeeperProcess : IDisposable
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, SafeHandle> _mine = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ServedListener> _listeners = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _disposed = new();
    private readonly KeeperOptions _options;
    private readonly Action<string> _log;
    private volatile KeeperConnection? _connection;

    private KeeperProcess(KeeperOptions options, KeeperConnection connection, Action<string> log)
    {
        _options = options;
        _connection = connection;
        _log = log;
        new Thread(Watch) { IsBackground = true, Name = "keeper" }.Start();
    }

    /// <summary>Connects to the keeper of the state directory; if there is none, starts one in a session of its own, unless that is somebody else's to do.</summary>
    /// <param name="options">Where.</param>
    /// <param name="log">Takes warnings.</param>
    /// <param name="cancellation">Ends the wait for a keeper that starts.</param>
    /// <exception cref="SluiceException">It can't be reached or started.</exception>
    public static async Task<KeeperProcess> ConnectOrStartAsync(KeeperOptions options, Action<string> log, CancellationToken cancellation = default) =>
        new(options, await OpenAsync(options, cancellation), log);

    /// <summary>Whether a keeper answers there.</summary>
    public static bool IsRunning(string state)
    {
        using KeeperConnection? connection = KeeperConnection.TryOpen(state, TimeSpan.FromSeconds(1));
        return connection is not null;
    }

    /// <summary>The names that are held, without becoming the one who serves them. Null when no keeper runs.</summary>
    /// <param name="patience">How long it may take to answer; 10 s by default.</param>
    public static IReadOnlyList<string>? Names(string state, TimeSpan? patience = null)
    {
        using KeeperConnection? connection = KeeperConnection.TryOpen(state, patience ?? TimeSpan.FromSeconds(10));
        try
        {
            return connection is null ? null : [.. connection.Names(take: false).Keys];
        }
        catch (SluiceException) when (!IsRunning(state))
        {
            return null; // it was about to end
        }
    }

    /// <summary>Has names let go of, without becoming the one who serves them. Nothing happens where no keeper runs.</summary>
    public static void Release(string state, IEnumerable<string> names)
    {
        using KeeperConnection? connection = KeeperConnection.TryOpen(state, TimeSpan.FromSeconds(10));
        foreach (string name in names) connection?.Release(DescriptorName.Encode(name));
    }

    /// <summary>Ends the keeper; false if none runs. Unless it is to end <paramref name="anyway"/>, it refuses while it holds what no daemon serves.</summary>
    public static bool Stop(string state, bool anyway)
    {
        using KeeperConnection? connection = KeeperConnection.TryOpen(state, TimeSpan.FromSeconds(10));
        try
        {
            connection?.Stop(anyway);
        }
        catch (SluiceException) when (!IsRunning(state))
        {
            return false; // it was about to end by itself, and did before it heard this
        }

        return connection is not null;
    }

    /// <summary>The mount namespace of the keeper, which the caller disposes.</summary>
    public MountNamespace OpenMountNamespace()
    {
        lock (_gate) return MountNamespace.Of(Connected().Process);
    }

    /// <summary>Has a duplicate of the descriptor of a FUSE connection held, in place of the one of the same name. The caller keeps its own.</summary>
    public void Keep(string name, SafeHandle descriptor)
    {
        byte[] bytes = DescriptorName.Encode(name);
        lock (_gate)
        {
            _mine[name] = descriptor; // first: a keeper that is away for the moment gets it later
            Connected().Keep(bytes, descriptor);
        }
    }

    /// <summary>Lets go of a name. One that is not held is no error.</summary>
    public void Release(string name)
    {
        byte[] bytes = DescriptorName.Encode(name);
        lock (_gate)
        {
            _mine.Remove(name);
            _listeners.Remove(name);
            Connected().Release(bytes);
        }
    }

    /// <summary>All FUSE connections that are held, as duplicates that the caller disposes; the keeper goes on holding its own.</summary>
    public IReadOnlyDictionary<string, FuseDescriptor> Take()
    {
        lock (_gate)
        {
            Dictionary<string, FuseDescriptor?> taken = Connected().Names(take: true);
            foreach ((string name, FuseDescriptor? descriptor) in taken) _mine[name] = descriptor!;
            return taken!;
        }
    }

    /// <summary>The names of all that is held.</summary>
    public IReadOnlyCollection<string> Names()
    {
        lock (_gate) return Connected().Names(take: false).Keys;
    }

    /// <summary>A duplicate of a listening socket that is held; null if it is not. The keeper takes those who call until <see cref="Serve"/>.</summary>
    public SafeSocketHandle? TakeListener(string name)
    {
        lock (_gate) return Connected().Listener(DescriptorName.Encode(name));
    }

    /// <summary>Says that this process accepts on a listening socket from now on, which is held from then on if it was not.</summary>
    /// <param name="listener">A new one, or what <see cref="TakeListener"/> returned.</param>
    /// <param name="called">
    /// Is given each connection that the keeper has accepted and nobody has served, in the order in which they came: before this returns, and, if the keeper was out of reach for a while and took
    /// the process for dead, after that. Owns it from then on, and must not call this object.
    /// </param>
    public void Serve(string name, SafeHandle listener, Action<SafeSocketHandle> called)
    {
        byte[] bytes = DescriptorName.Encode(name);
        lock (_gate)
        {
            _listeners[name] = new ServedListener(bytes, listener, called); // first, as in Keep
            _listeners[name].Offer(Connected());
        }
    }

    /// <summary>Says that this process is about to stop accepting on a listening socket: who calls from now on waits for a successor.</summary>
    public void Leave(string name)
    {
        lock (_gate)
        {
            if (_listeners.TryGetValue(name, out ServedListener? listener)) listener.IsLeft = true;
            Connected().Leave(DescriptorName.Encode(name));
        }
    }

    public void Dispose()
    {
        _disposed.Cancel();
        lock (_gate)
        {
            _connection?.Dispose();
            _connection = null;
        }
    }

    private KeeperConnection Connected() =>
        _connection ?? throw new SluiceException(SluiceError.Kernel, _options.State, "the keeper has gone, and another is not there yet", "see the log for the reason");

    private static async Task<KeeperConnection> OpenAsync(KeeperOptions options, CancellationToken cancellation)
    {
        if (KeeperConnection.TryOpen(options.State, options.Patience) is { } there) return there;
        using Process? started = options.IsService ? null : KeeperStart.Detached(options.State, options.Deadline);
        long begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin) < options.Patience)
        {
            // If it has ended, another one may have been faster.
            if (KeeperConnection.TryOpen(options.State, options.Patience) is { } connection) return connection;
            await Task.Delay(10, cancellation);
        }

        throw new SluiceException(SluiceError.Kernel, options.State, started is { HasExited: true } ? $"the keeper ended at its start, with code {started.ExitCode}" : "the keeper does not come up",
            options.IsService ? "systemctl start sluice-keeper; see its journal" : "see keeper.log there; or set keeper: none");
    }

    /// <summary>Sleeps until the keeper goes, and finds another.</summary>
    private void Watch()
    {
        while (_connection is { } connection)
        {
            connection.WaitForEnd();
            if (_disposed.IsCancellationRequested) return;
            _log("the keeper has gone: looking for another");
            lock (_gate)
            {
                connection.Dispose();
                _connection = null;
            }

            while (!TryReplace())
            {
                if (_disposed.Token.WaitHandle.WaitOne(RetryAfter)) return;
            }
        }
    }

    /// <summary>What it refuses, as one of an older version does with sockets, is no reason to leave it the others.</summary>
    private void Offer(string name, Action offer)
    {
        try
        {
            offer();
        }
        catch (KeeperRefusal refused)
        {
            _log($"{name} is not kept: {refused.Message}");
        }
    }

    private bool TryReplace()
    {
        KeeperConnection? connection = null;
        try
        {
            connection = OpenAsync(_options, _disposed.Token).GetAwaiter().GetResult();
            lock (_gate)
            {
                if (_disposed.IsCancellationRequested)
                {
                    connection.Dispose();
                    return true;
                }

                foreach ((string name, SafeHandle descriptor) in _mine)
                {
                    if (!descriptor.IsClosed) Offer(name, () => connection.Keep(DescriptorName.Encode(name), descriptor));
                }

                foreach ((string name, ServedListener listener) in _listeners)
                {
                    if (!listener.IsClosed) Offer(name, () => listener.Offer(connection));
                }

                _connection = connection;
                return true;
            }
        }
        catch (OperationCanceledException)
        {
            return true;
        }
        catch (Exception failed) when (failed is SluiceException or ObjectDisposedException)
        {
            connection?.Dispose(); // it would look as if somebody served what it has been given
            _log($"no keeper: {failed.Message}");
            return false;
        }
    }
}
