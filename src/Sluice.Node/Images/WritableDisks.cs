using Sluice.Formats;
using Sluice.Formats.OverlayBd;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;
using Sluice.Node.Succession;
using Sluice.Storage.Disks;

namespace Sluice.Node.Images;

/// <summary>
/// Serves and mounts writable disks, through a disk server of their own: local writes, which may be slow or fail, never hold up the
/// readers of images. It is started with the first disk.
/// </summary>
/// <param name="deadline">How long requests for an image may take, by its name.</param>
internal sealed class WritableDisks(
    NodeOptions options, MountProcess mounts, KeptConnections connections, MountDescription description, Func<string, Func<TimeSpan>> deadline, Action<string> log) : IAsyncDisposable
{
    /// <summary>A check reads all metadata of the file system, which may have to come over the network.</summary>
    private static readonly TimeSpan CheckDeadline = TimeSpan.FromMinutes(30);

    private readonly SemaphoreSlim _starting = new(1, 1);
    private readonly DiskServerOptions _server = new() { MountPoint = options.WritableDisksDirectory, Source = "sluice-writable", Writable = true, Passthrough = false };
    private DiskServer? _started;
    private readonly long _since = Environment.TickCount64;
    private long _opened;

    /// <summary>What containers wait for on their own disks.</summary>
    /// <param name="limit">What waits longer hangs.</param>
    public OpenRequests CountOpen(TimeSpan limit) => Volatile.Read(ref _started)?.CountOpen(limit) ?? default;

    /// <summary>A name that no disk has had while the machine runs: somebody may still have an earlier one open, or a loop device may stand on it.</summary>
    public string NameOf(string key) => $"{key}-{_since:x}-{Interlocked.Increment(ref _opened)}";

    /// <summary>Serves the disks of a predecessor from now on.</summary>
    public async Task AdoptAsync(IEnumerable<(MountRecord Record, WritableDisk Disk)> disks, CancellationToken cancellation)
    {
        IEnumerable<AdoptedDisk> adopted = disks.Select(known =>
            new AdoptedDisk(known.Disk, known.Record.Disks[0].Place, Opens: LoopDevices.CountOn(Path.Combine(options.WritableDisksDirectory, known.Disk.Name)))
            {
                Deadline = deadline(known.Record.Reference),
            });
        _started = await connections.AdoptAsync(KeptConnections.Writable, _server, [.. adopted], cancellation);
    }

    /// <summary>A disk that was taken over, and its mount.</summary>
    public MountedImage AdoptedMount(MountRecord record, WritableDisk disk)
    {
        var mounted = new MountedImage(record.Target, record.OwnsTarget, [disk], _started!, mounts, new DescribedMount(description, record.Key), log);
        mounted.Adopted(record.Mount!);
        return mounted;
    }

    /// <summary>A disk that was taken over, and its device.</summary>
    public AttachedDevice AdoptedDevice(MountRecord record, WritableDisk disk) => new(
        record.Device!, Path.Combine(options.WritableDisksDirectory, disk.Name), record.FileSystem, disk, _started!, mounts, new DescribedMount(description, record.Key));

    /// <summary>Mounts the file system of a disk for writing; an ext4 that was not unmounted is checked first.</summary>
    /// <param name="disk">Owned from now on.</param>
    /// <param name="record">What is known of it so far. Its target is made if it does not exist.</param>
    /// <param name="readAhead">KiB.</param>
    public async Task<MountedImage> MountAsync(WritableDisk disk, MountRecord record, int readAhead, CancellationToken cancellation)
    {
        DiskServer server;
        try
        {
            server = await StartedAsync(cancellation);
        }
        catch
        {
            disk.Dispose();
            throw;
        }

        string target = record.Target;
        record = record with { OwnsTarget = !Directory.Exists(target) };
        var mounted = new MountedImage(target, record.OwnsTarget, [disk], server, mounts, new DescribedMount(description, record.Key), log);
        try
        {
            (string type, bool needsCheck) = await ProbeAsync(disk, record.Reference).WaitAsync(cancellation);
            string file = Add(server, disk, record with { FileSystem = type });
            if (needsCheck) await CheckAsync(file, cancellation);
            Directory.CreateDirectory(target);
            await mounts.MountBlocksAsync(new BlockMount { Disk = file, FileSystem = type, Target = target, Writable = true, ReadAheadKilobytes = readAhead }, cancellation);
            mounted.Found();
            return mounted;
        }
        catch
        {
            await mounted.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes a block device of a disk, for whoever is to mount its file system; an ext4 that was not unmounted is checked first.</summary>
    /// <inheritdoc cref="MountAsync"/>
    public async Task<AttachedDevice> AttachAsync(WritableDisk disk, MountRecord record, int readAhead, CancellationToken cancellation)
    {
        var described = new DescribedMount(description, record.Key);
        DiskServer? server = null;
        string? file = null;
        try
        {
            server = await StartedAsync(cancellation);
            (string type, bool needsCheck) = await ProbeAsync(disk, record.Reference).WaitAsync(cancellation);
            file = Add(server, disk, record with { FileSystem = type });
            if (needsCheck) await CheckAsync(file, cancellation);
            await mounts.AttachLoopAsync(file, 512, readAhead, cancellation);
            string device = LoopDevices.Find(file) ?? throw new SluiceException(SluiceError.Kernel, file, "its loop device has vanished");
            described.Attached(device);
            return new AttachedDevice(device, file, type, disk, server, mounts, described);
        }
        catch
        {
            if (server is not null && file is not null)
            {
                await server.RemoveAsync(disk.Name); // a loop device finds nothing to wait for then
                if (LoopDevices.Find(file) is { } device) LoopDevices.Detach(device);
            }

            disk.Dispose();
            described.Removed();
            throw;
        }
    }

    /// <summary>Stops serving and leaves everything to a successor. The disks can be closed then.</summary>
    public async Task LeaveAsync()
    {
        if (_started is not null) await _started.LeaveAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_started is not null)
        {
            await _started.DisposeAsync();
            if (!_started.HasLeft) connections.Release(KeptConnections.Writable);
        }

        _starting.Dispose();
    }

    /// <summary>Described after it is served and before anybody can open it.</summary>
    private string Add(DiskServer server, WritableDisk disk, MountRecord record)
    {
        string file = server.Add(disk, deadline(record.Reference));
        description.Write(record with { Disks = [new DiskRecord(disk.Name, disk.Length, server.PlaceOf(disk.Name))] });
        return file;
    }

    private async Task CheckAsync(string file, CancellationToken cancellation)
    {
        log($"{Path.GetFileName(file)}: its ext4 was not unmounted: checking it before it is mounted");
        await using MountProcess checker = MountProcess.Start(new MountProcessOptions { Deadline = CheckDeadline, Guard = options.MountGuard, Namespace = connections.Namespace }, log);
        await checker.CheckAsync(file, cancellation);
    }

    private static async Task<(string Type, bool NeedsCheck)> ProbeAsync(WritableDisk disk, string image)
    {
        byte[] start = await BlockContent.ReadStartAsync(disk, image);
        return (DeviceFileSystem.Probe(start) ?? throw BlockContent.NoFileSystem(image), DeviceFileSystem.NeedsCheck(start));
    }

    /// <inheritdoc cref="DiskServer.Trim"/>
    public void Trim() => _started?.Trim();

    private async Task<DiskServer> StartedAsync(CancellationToken cancellation)
    {
        await _starting.WaitAsync(cancellation);
        try
        {
            return _started ??= await connections.StartAsync(KeptConnections.Writable, _server, cancellation);
        }
        finally
        {
            _starting.Release();
        }
    }
}
