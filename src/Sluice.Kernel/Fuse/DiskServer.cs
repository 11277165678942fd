using System.Runtime.InteropServices;
using System.Text;
using Sluice.Formats;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Syscalls;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// Serves disks to the kernel: one flat FUSE mount with one file per <see cref="IDisk"/>, read-only unless it is asked for otherwise. Disks come and go
/// while it is mounted. All members may be called concurrently.
/// <para>
/// The process that serves must not read, stat or mount anything below the mount point on a thread that a disk or a
/// reader thread waits for, and should leave mounts on these files to <see cref="MountProcess"/>: if it dies inside its
/// own mount(2), the connection can't end.
/// </para>
/// <para>
/// A successor takes the descriptor over with <see cref="AdoptAsync"/> and the same disks under the same names; the
/// kernel then repeats what was never answered.
/// </para>
/// </summary>
public sealed class DiskServer : IAsyncDisposable
{
    private readonly DiskServerOptions _options;
    private readonly FuseConnection _connection;
    private readonly DiskTable _disks;
    private readonly DiskReads _reads;
    private readonly DiskWrites? _writes;
    private readonly BackingFiles _backings;
    private readonly DiskDeadlines _deadlines;
    private readonly Action<string> _log;
    private MountEntry? _mount;

    private DiskServer(DiskServerOptions options, FuseDescriptor descriptor, int epoch, Action<string> log)
    {
        _options = options;
        _log = log;
        _disks = new DiskTable(options.Writable, (ulong)epoch);
        if (options.Writable) MemoryLock.Take(log);
        _connection = new FuseConnection(descriptor, Math.Clamp(options.Threads, 1, 64), options.Writable ? FuseLayout.MaxWrite : FuseLayout.MinWrite, log);
        _writes = options.Writable ? new DiskWrites(_connection, Math.Clamp(options.FlushThreads, 1, 16), log) : null;
        _reads = new DiskReads(_connection, Math.Max(1, options.PendingReads), Math.Max(1, options.PendingReadsPerDisk), Math.Max(1, options.WaitingReads), log);
        _deadlines = new DiskDeadlines(_connection, _reads, _writes, options.DeadlinePeriod, log);
        _backings = new BackingFiles(descriptor, options.BackingRegistered, log);
    }

    /// <summary>What was agreed on with the kernel; a successor needs it.</summary>
    public FuseSession Session { get; private set; } = null!;

    /// <summary>The connection's descriptor, for a keeper to hold a duplicate of.</summary>
    public FuseDescriptor Descriptor => _connection.Descriptor;

    /// <summary>Kernel handles of disks that are open in passthrough, by disk name; a successor needs them.</summary>
    public IReadOnlyDictionary<string, int> BackingIds =>
        _disks.All().Where(node => node.BackingId != 0).ToDictionary(node => node.Disk.Name, node => node.BackingId, StringComparer.Ordinal);

    public DiskServerCounters Counters
    {
        get
        {
            (int fetching, int waiting) = _reads.Outstanding;
            return new DiskServerCounters(_disks.Count, _connection.Workers.Sum(worker => worker.Hits), _reads.Misses, fetching, waiting);
        }
    }

    /// <summary>What the kernel waits for, but reads that are answered at once.</summary>
    /// <param name="limit">What waits longer hangs.</param>
    public OpenRequests CountOpen(TimeSpan limit)
    {
        long now = Environment.TickCount64;
        OpenRequests open = _reads.CountOpen(default, now, limit);
        if (_writes is not null) open = _writes.CountOpen(open, now, limit);
        foreach (FuseWorker worker in _connection.Workers)
        {
            if (worker.Watch.Since is not 0 and var since && (_writes is not null || now - since > limit.TotalMilliseconds)) open = open.With(since, now, limit);
        }

        return open;
    }

    /// <summary>Completes when the kernel has ended the connection: unmounted by someone, or aborted.</summary>
    public Task Ended => _connection.Idle;

    /// <summary>True once <see cref="LeaveAsync"/> has begun: disposing unmounts nothing then.</summary>
    public bool HasLeft { get; private set; }

    /// <summary>For tests: what the reader threads have allocated.</summary>
    internal FuseConnection Connection => _connection;

    /// <summary>Mounts and serves. Returns when the kernel's handshake is done; throws a <see cref="SluiceException"/> (Kernel) otherwise.</summary>
    public static async Task<DiskServer> StartAsync(DiskServerOptions options, Action<string> log, CancellationToken cancellation = default)
    {
        DetachLeftovers(options);
        Directory.CreateDirectory(options.MountPoint);
        FuseDescriptor descriptor = FuseDescriptor.Open();
        try
        {
            MountNamespace.Run(options.Namespace, () => descriptor.Mount(options.Source, options.MountPoint, options.Writable));
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }

        return await RunAsync(new DiskServer(options, descriptor, epoch: 0, log), adopted: null, cancellation);
    }

    /// <summary>
    /// Serves a connection that is mounted already, and has the kernel send again what the predecessor did not answer.
    /// <paramref name="disks"/> are all that may be open: a read of any other gets EIO.
    /// </summary>
    public static async Task<DiskServer> AdoptAsync(
        DiskServerOptions options, AdoptedConnection adopted, IEnumerable<AdoptedDisk> disks, Action<string> log, CancellationToken cancellation = default)
    {
        var server = new DiskServer(options, adopted.Descriptor, adopted.Epoch, log);
        foreach (AdoptedDisk disk in disks) server._disks.Add(disk);

        // Before the first request is read: one that this server has begun must not come again.
        int errno = adopted.Session.Resend ? server._connection.Descriptor.Notify(FuseNotification.Resend, []) : 0;
        await RunAsync(server, adopted.Session, cancellation);
        if (errno is 0 or Errno.ENODEV or Errno.ECONNABORTED) return server; // one that has ended says so by itself
        await server.DisposeAsync();
        throw CantResend(options.MountPoint, errno);
    }

    /// <summary>Where a disk is in the server's order, which its open files are known by; 0 if it is not served. A successor needs it.</summary>
    public ulong PlaceOf(string name) => _disks.Find(Encoding.UTF8.GetBytes(name))?.Position ?? 0;

    /// <summary>
    /// Serves a disk from now on; returns the path of its file. The disk stays the caller's, who keeps it until
    /// <see cref="RemoveAsync"/> has completed. Throws (Usage) for a name that is served already.
    /// </summary>
    /// <param name="disk">Its name is that of its file.</param>
    /// <param name="deadline">A request that takes longer than it says, whatever it waits for, ends in EIO. Null: the disk sees to that.</param>
    public string Add(IDisk disk, Func<TimeSpan>? deadline = null)
    {
        _disks.Add(disk, deadline);
        return Path.Combine(_options.MountPoint, disk.Name);
    }

    /// <summary>
    /// Stops serving a disk; false if there is none of that name. Completes when its last read was answered: it may then
    /// be disposed. Files that are still open give EIO from now on. Not to be awaited on a thread the disk needs.
    /// </summary>
    public async Task<bool> RemoveAsync(string name)
    {
        if (_disks.Remove(name) is not { } node) return false;
        _backings.Release(node);
        node.Exit();
        Forget(node);
        await node.Unused;
        return true;
    }

    /// <summary>
    /// Completes when nobody has the disk's file open: a file system on it that was unmounted has then written everything. At once for a disk
    /// that is not served, and when the connection has ended.
    /// </summary>
    public async Task ClosedAsync(string name, CancellationToken cancellation)
    {
        while (IsOpen(name)) await Task.Delay(10, cancellation);
    }

    /// <inheritdoc cref="ClosedAsync(string, CancellationToken)"/>
    /// <returns>False if somebody still had it open when the limit passed.</returns>
    public async Task<bool> ClosedAsync(string name, TimeSpan limit)
    {
        using var passed = new CancellationTokenSource(limit);
        try
        {
            await ClosedAsync(name, passed.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Gives back memory that nothing under way needs.</summary>
    public void Trim() => _reads.Trim();

    /// <summary>True while somebody has the disk's file open.</summary>
    public bool IsOpen(string name) => !_connection.Idle.IsCompleted && _disks.Find(Encoding.UTF8.GetBytes(name)) is { Opens: > 0 };

    /// <summary>
    /// Stops serving without unmounting: readers wait until a successor serves <see cref="Descriptor"/> (a duplicate of
    /// which must be held elsewhere before this object is disposed).
    /// </summary>
    public async Task LeaveAsync()
    {
        if (MountTable.Find(_options.MountPoint)?.Minor != _mount?.Minor)
        {
            throw new SluiceException(SluiceError.Kernel, _options.MountPoint, "the mount is hidden or gone, there is nothing to hand over");
        }

        HasLeft = true;
        _connection.Leave();
        await _connection.StopAsync(() => MountTable.AskServer(_options.MountPoint));
    }

    /// <summary>Unmounts and ends. Mounts that still stand on the disks make the connection be aborted after the deadline.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!HasLeft)
        {
            await Task.Run(() => MountNamespace.Run(_options.Namespace, () => MountCalls.Detach(_options.MountPoint)));
            await Task.WhenAny(_connection.Idle, Task.Delay(_options.UnmountDeadline));
            if (!_connection.Idle.IsCompleted && _mount is not null)
            {
                _log($"{_options.MountPoint} is still in use: aborting the connection");
                FuseAbort.Abort(_mount.Minor);
            }
        }

        await _connection.DisposeAsync();
        _deadlines.Dispose();
        _writes?.Dispose();
        _reads.Dispose();
    }

    private static SluiceException CantResend(string mountPoint, int errno) =>
        KernelError.Of(errno, mountPoint, "the kernel can't send requests again", "Linux 6.9 or newer is needed to survive a restart");

    private static SluiceException Elsewhere(string mountPoint, string what) => new(
        SluiceError.Kernel, mountPoint, what,
        "somebody else unmounted it; or it is mounted in another mount namespace, which does not share with this one what is mounted there: see propagation in findmnt -o TARGET,PROPAGATION");

    private static async Task<DiskServer> RunAsync(DiskServer server, FuseSession? adopted, CancellationToken cancellation)
    {
        server._connection.Start(new DiskFileSystem(server._disks, server._reads, server._writes, server._backings), adopted);
        try
        {
            server.Session = await server._connection.Session.WaitAsync(TimeSpan.FromSeconds(10), cancellation);
            server._backings.Enabled = server.Session.Passthrough && server._options.Passthrough;
            server._mount = MountTable.Find(server._options.MountPoint) ?? throw Elsewhere(server._options.MountPoint, "was mounted, and this process does not see it");
            return server;
        }
        catch (Exception failed)
        {
            server._mount = MountTable.Find(server._options.MountPoint);
            await server.DisposeAsync();
            if (failed is not TimeoutException) throw;
            throw new SluiceException(SluiceError.Timeout, server._options.MountPoint, "the kernel did not begin the FUSE handshake", inner: failed);
        }
    }

    /// <summary>A mount of a dead predecessor can't even be stat'ed: the mount table says what is there.</summary>
    private static void DetachLeftovers(DiskServerOptions options)
    {
        while (MountTable.Find(options.MountPoint) is { Type: "fuse" })
        {
            bool detached = false;
            MountNamespace.Run(options.Namespace, () => detached = MountCalls.Detach(options.MountPoint));
            if (!detached) throw Elsewhere(options.MountPoint, "is mounted for this process, and not where it mounts");
        }
    }

    /// <summary>Lets the kernel drop the name and what it cached. It may not know them (ENOENT).</summary>
    private void Forget(DiskNode node)
    {
        var entry = new FuseInvalidateEntry { Parent = FuseLayout.RootNode, NameLength = (uint)node.Name.Length };
        byte[] body = [.. MemoryMarshal.AsBytes(new ReadOnlySpan<FuseInvalidateEntry>(in entry)), .. node.Name, 0];
        _connection.Descriptor.Notify(FuseNotification.InvalidateEntry, body);
        var inode = new FuseInvalidateInode { Node = node.Number };
        _connection.Descriptor.Notify(FuseNotification.InvalidateInode, MemoryMarshal.AsBytes(new ReadOnlySpan<FuseInvalidateInode>(in inode)));
    }
}
