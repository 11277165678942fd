using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>Both sockets answer. The admin socket is asked a question; that of the snapshotter only has to be listened on.</summary>
internal sealed class DaemonRunningCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (!node.IsRoot) yield break;
        if (node.Daemon is null)
        {
            string admin = node.Options.AdminSocketPath;
            yield return node.Files.Socket(admin) switch
            {
                SocketState.Missing => new Finding("daemon-not-running", Severity.Error, admin, "there is no daemon: containers can't be started, and reads of those that run wait or fail", Mend.Start(node)),
                SocketState.Stale => new Finding("socket-stale", Severity.Error, admin, "is left from a daemon that has gone: containers can't be started, and reads of those that run wait or fail", Mend.Start(node)),
                _ => new Finding("daemon-not-answering", Severity.Error, admin, "somebody listens, but does not answer as the daemon does", Mend.Restart(node)),
            };
        }
        else if (node.Files.Socket(node.Options.SocketPath) is SocketState.Missing or SocketState.Stale)
        {
            yield return new Finding("socket-stale", Severity.Error, node.Options.SocketPath, "nobody listens on the snapshotter's socket, though the daemon runs: it was removed, or the daemon has another address", Mend.Restart(node));
        }
    }
}
