using Sluice.Containerd.Sockets;
using Sluice.Formats;
using Sluice.Kernel.Keeper;

namespace Sluice.Node.Succession;

/// <summary>
/// The socket that containerd calls, which the keeper holds too: who calls while no daemon lives waits for the next one, up to the keeper's deadline, and is not refused. Without a keeper,
/// or with one of a version that holds no sockets, it is a socket like any other.
/// </summary>
internal sealed class KeptListener : IDisposable
{
    private readonly KeeperProcess? _keeper;
    private readonly Action<string> _log;

    private KeptListener(KeeperProcess? keeper, ListeningSocket socket, Action<string> log) => (_keeper, Socket, _log) = (keeper, socket, log);

    public ListeningSocket Socket { get; }

    /// <summary>
    /// Goes on with the socket that the keeper holds for a path, with those who wait on it; listens where it holds none. Who calls from now on waits for this process, which has to answer at once.
    /// </summary>
    /// <exception cref="SluiceException">The path can't be used or is in use.</exception>
    /// <param name="keeper">Null: none is to hold it.</param>
    /// <param name="state">The state directory, where a keeper of an earlier daemon, which had one, may hold it.</param>
    public static KeptListener Open(KeeperProcess? keeper, string state, string path, Action<string> log)
    {
        if (keeper is null)
        {
            string[] left = [.. (KeeperProcess.Names(state) ?? []).Where(held => held.StartsWith(ListeningSocket.NamePrefix, StringComparison.Ordinal))];
            if (left.Length > 0) KeeperProcess.Release(state, left);
            return new KeptListener(null, ListeningSocket.Bind(path), log);
        }

        string? name = ListeningSocket.NameAt(path);
        string[] held = [.. keeper.Names().Where(held => held.StartsWith(ListeningSocket.NamePrefix, StringComparison.Ordinal))];
        foreach (string other in held.Where(other => other != name)) keeper.Release(other); // was removed from its path, or this daemon has another address
        if (name is not null && held.Contains(name) && keeper.TakeListener(name) is { } listener)
        {
            ListeningSocket adopted = ListeningSocket.Adopt(path, listener);
            keeper.Serve(name, adopted.Handle, adopted.Add);
            return new KeptListener(keeper, adopted, log);
        }

        ListeningSocket bound = ListeningSocket.Bind(path);
        try
        {
            keeper.Serve(bound.Name, bound.Handle, bound.Add);
            return new KeptListener(keeper, bound, log);
        }
        catch (SluiceException refused)
        {
            log($"{refused.Message}; containers can't be started while no daemon lives");
            return new KeptListener(keeper, bound, log); // it is offered again to whichever keeper comes next
        }
    }

    /// <summary>Before the server ends: who calls from now on waits for a successor.</summary>
    public void Leave() => Ask(keeper =>
    {
        keeper.Leave(Socket.Name);
        Socket.Leave();
    });

    /// <summary>After the server has ended, and unless it was left: nobody is to wait any more.</summary>
    public void Dispose() => Ask(keeper => keeper.Release(Socket.Name));

    private void Ask(Action<KeeperProcess> request)
    {
        if (_keeper is null) return;
        try
        {
            request(_keeper);
        }
        catch (SluiceException away)
        {
            _log(away.Message);
        }
    }
}
