using System.Diagnostics;
using Sluice.Formats;
using Sluice.Kernel.Fuse;

namespace Sluice.Kernel.Keeper;

/// <summary>
/// The keeper process of a state directory. If it ends while this connection lives, another one is started and given all that it held for this
/// process: nothing was lost, as this process has the descriptors too.
/// </summary>
public sealed class KeeperProcess : IDescriptorKeeper
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, FuseDescriptor> _mine = new(StringComparer.Ordinal);
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

    /// <summary>Connects to the keeper of the state directory; starts one, in a session of its own, if there is none.</summary>
    /// <param name="options">Where; <see cref="KeeperOptions.Kind"/> doesn't matter.</param>
    /// <param name="log">Takes warnings.</param>
    /// <param name="cancellation">Ends the wait for a keeper that starts.</param>
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
        return connection is null ? null : [.. connection.Names(take: false).Keys];
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

    public void Keep(string name, FuseDescriptor descriptor)
    {
        byte[] bytes = DescriptorName.Encode(name);
        lock (_gate)
        {
            _mine[name] = descriptor; // first: a keeper that is away for the moment gets it later
            Connected().Keep(bytes, descriptor);
        }
    }

    public void Release(string name)
    {
        byte[] bytes = DescriptorName.Encode(name);
        lock (_gate)
        {
            _mine.Remove(name);
            Connected().Release(bytes);
        }
    }

    public IReadOnlyDictionary<string, FuseDescriptor> Take()
    {
        lock (_gate)
        {
            Dictionary<string, FuseDescriptor?> taken = Connected().Names(take: true);
            foreach ((string name, FuseDescriptor? descriptor) in taken) _mine[name] = descriptor!;
            return taken!;
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
        using Process started = KeeperStart.Detached(options.State, options.Deadline);
        long begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin) < options.Patience)
        {
            // If it has ended, another one may have been faster.
            if (KeeperConnection.TryOpen(options.State, options.Patience) is { } connection) return connection;
            await Task.Delay(10, cancellation);
        }

        throw new SluiceException(SluiceError.Kernel, options.State, started.HasExited ? $"the keeper ended at its start, with code {started.ExitCode}" : "the keeper does not come up", "see keeper.log there; or set keeper: none");
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

                foreach ((string name, FuseDescriptor descriptor) in _mine)
                {
                    if (!descriptor.IsClosed) connection.Keep(DescriptorName.Encode(name), descriptor);
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
