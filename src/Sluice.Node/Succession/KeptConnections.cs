using Sluice.Formats;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;

namespace Sluice.Node.Succession;

/// <summary>
/// The FUSE connections of a node and who keeps them: each one is described and given to the keeper before a disk is served on it, and taken over
/// from a predecessor where that left one. Without a keeper they end with the process.
/// </summary>
internal sealed class KeptConnections : IDisposable
{
    /// <summary>Names of the connections, here and at the keeper.</summary>
    public const string Disks = "disks", Writable = "writable";

    private readonly KeeperProcess? _keeper;
    private readonly string _state;
    private readonly MountDescription _description;
    private readonly Action<string> _log;
    private readonly Dictionary<string, FuseDescriptor> _left;

    private KeptConnections(KeeperProcess? keeper, MountNamespace? place, string state, MountDescription description, Action<string> log)
    {
        (_keeper, Namespace, _state, _description, _log) = (keeper, place, state, description, log);
        _left = new Dictionary<string, FuseDescriptor>(keeper?.Take() ?? new Dictionary<string, FuseDescriptor>(), StringComparer.Ordinal);
    }

    /// <summary>True if mounts outlive this process when it leaves.</summary>
    public bool AreKept => _keeper is not null;

    /// <summary>Where all mounts are made, if that is not this process's namespace.</summary>
    public MountNamespace? Namespace { get; }

    /// <summary>Finds the keeper, starting one where that is asked for, and takes what it holds. Before other processes are started.</summary>
    /// <exception cref="SluiceException">There is to be a keeper and it can't be had.</exception>
    public static async Task<KeptConnections> OpenAsync(NodeOptions options, MountDescription description, Action<string> log, CancellationToken cancellation)
    {
        if (options is { MountsBesideKeeper: true, Keeper: KeeperKind.None })
            throw new SluiceException(SluiceError.Configuration, "keeper", "mounts are to be made beside the keeper, and there is to be none", "set keeper: process; or start the daemon without --mount-namespace keeper, in the node's own mount namespace");
        var place = new KeeperOptions { State = options.State, Deadline = options.LongestDeadline, IsService = options.MountsBesideKeeper };
        // It has a limit of its own; a keeper that has just been started must not be forgotten.
        KeeperProcess? keeper = options.Keeper == KeeperKind.None ? null : await KeeperProcess.ConnectOrStartAsync(place, log, CancellationToken.None);
        MountNamespace? others = options.MountsBesideKeeper ? keeper!.OpenMountNamespace() : null;
        var connections = new KeptConnections(keeper, others, options.State, description, log);
        if (!cancellation.IsCancellationRequested) return connections;
        connections.End();
        throw new OperationCanceledException(cancellation);
    }

    /// <summary>True if a predecessor has left a connection that can be taken over: described, held, and mounted where it is to be.</summary>
    public bool IsLeft(string name, string mountPoint) =>
        _left.ContainsKey(name) && _description.Connection(name) is { Resend: true } described && MountTable.Find(mountPoint) is { } mount
        && mount.Type.StartsWith("fuse", StringComparison.Ordinal) && mount.Minor == described.Connection;

    /// <summary>Takes over what <see cref="IsLeft"/>. The kernel's requests are answered from here on.</summary>
    public async Task<DiskServer> AdoptAsync(string name, DiskServerOptions options, IEnumerable<AdoptedDisk> disks, CancellationToken cancellation)
    {
        ConnectionRecord described = _description.Connection(name)!;
        described = described with { Epoch = described.Epoch + 1 };
        _description.Write(described); // first: opens that are answered from now on bear it
        _left.Remove(name, out FuseDescriptor? descriptor);
        var session = new FuseSession(described.ProtocolMinor, described.Passthrough, described.Resend);
        return await DiskServer.AdoptAsync(options with { Namespace = Namespace }, new AdoptedConnection(descriptor!, session, described.Epoch), disks, _log, cancellation);
    }

    /// <summary>Lets go of what a predecessor has left and nobody has adopted.</summary>
    public void DropLeft()
    {
        foreach ((string name, FuseDescriptor descriptor) in _left)
        {
            descriptor.Dispose();
            Release(name);
        }

        _left.Clear();
    }

    /// <summary>Mounts a new connection.</summary>
    public async Task<DiskServer> StartAsync(string name, DiskServerOptions options, CancellationToken cancellation)
    {
        DiskServer server = await DiskServer.StartAsync(options with { Namespace = Namespace }, _log, cancellation);
        if (_keeper is null) return server;
        try
        {
            if (!server.Session.Resend)
            {
                _log("the kernel can't repeat requests (Linux 6.9 can): what is mounted ends with this process");
                return server;
            }

            FuseSession session = server.Session;
            _description.Write(new ConnectionRecord(name, MountTable.Find(options.MountPoint)?.Minor ?? 0, session.Minor, session.Passthrough, session.Resend, Epoch: 0));
            _keeper.Keep(name, server.Descriptor);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>The socket that containerd calls, see <see cref="KeptListener.Open"/>.</summary>
    public KeptListener Listen(string path) => KeptListener.Open(_keeper, _state, path, _log);

    /// <summary>A connection was unmounted. That the keeper can't be told is no failure: it lets go of dead ones by itself.</summary>
    public void Release(string name)
    {
        _description.RemoveConnection(name);
        try
        {
            _keeper?.Release(name);
        }
        catch (SluiceException away)
        {
            _log(away.Message);
        }
    }

    /// <summary>Lets go of the keeper, and ends it if it holds nothing.</summary>
    public void End()
    {
        Dispose();
        if (_keeper is null) return;
        try
        {
            KeeperProcess.Stop(_state, anyway: false);
        }
        catch (SluiceException)
        {
            // It holds what a successor is to find.
        }
    }

    /// <summary>Lets go of the keeper, which goes on holding.</summary>
    public void Dispose()
    {
        foreach (FuseDescriptor descriptor in _left.Values) descriptor.Dispose();
        _left.Clear();
        _keeper?.Dispose();
        Namespace?.Dispose();
    }
}
