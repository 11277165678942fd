using Sluice.Formats;
using Sluice.Formats.OverlayBd;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;
using Sluice.Storage.Disks;

namespace Sluice.Node.Images;

/// <summary>
/// Serves and mounts writable disks, through a disk server of their own: local writes, which may be slow or fail, never hold up the
/// readers of images. It is started with the first disk.
/// </summary>
internal sealed class WritableDisks(NodeOptions options, MountProcess mounts, Action<string> log) : IAsyncDisposable
{
    /// <summary>A check reads all metadata of the file system, which may have to come over the network.</summary>
    private static readonly TimeSpan CheckDeadline = TimeSpan.FromMinutes(30);

    private readonly SemaphoreSlim _starting = new(1, 1);
    private DiskServer? _server;

    /// <summary>Mounts the file system of a disk for writing; an ext4 that was not unmounted is checked first.</summary>
    /// <param name="disk">Owned from now on.</param>
    /// <param name="image">For messages.</param>
    /// <param name="target">Made if it does not exist.</param>
    /// <param name="readAhead">KiB.</param>
    public async Task<MountedImage> MountAsync(WritableDisk disk, string image, string target, int readAhead, CancellationToken cancellation)
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

        var mounted = new MountedImage(target, !Directory.Exists(target), [disk], server, mounts, log);
        try
        {
            (string type, bool needsCheck) = await ProbeAsync(disk, image).WaitAsync(cancellation);
            string file = server.Add(disk);
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
    public async Task<AttachedDevice> AttachAsync(WritableDisk disk, string image, int readAhead, CancellationToken cancellation)
    {
        DiskServer? server = null;
        string? file = null;
        try
        {
            server = await StartedAsync(cancellation);
            (string type, bool needsCheck) = await ProbeAsync(disk, image).WaitAsync(cancellation);
            file = server.Add(disk);
            if (needsCheck) await CheckAsync(file, cancellation);
            await mounts.AttachLoopAsync(file, 512, readAhead, cancellation);
            string device = LoopDevices.Find(file) ?? throw new SluiceException(SluiceError.Kernel, file, "its loop device has vanished");
            return new AttachedDevice(device, file, type, disk, server, mounts);
        }
        catch
        {
            if (server is not null && file is not null)
            {
                await server.RemoveAsync(disk.Name); // a loop device finds nothing to wait for then
                if (LoopDevices.Find(file) is { } device) LoopDevices.Detach(device);
            }

            disk.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _starting.Dispose();
    }

    private async Task CheckAsync(string file, CancellationToken cancellation)
    {
        log($"{Path.GetFileName(file)}: its ext4 was not unmounted: checking it before it is mounted");
        await using MountProcess checker = MountProcess.Start(new MountProcessOptions { Deadline = CheckDeadline }, log);
        await checker.CheckAsync(file, cancellation);
    }

    private static async Task<(string Type, bool NeedsCheck)> ProbeAsync(WritableDisk disk, string image)
    {
        byte[] start = await BlockContent.ReadStartAsync(disk, image);
        return (DeviceFileSystem.Probe(start) ?? throw BlockContent.NoFileSystem(image), DeviceFileSystem.NeedsCheck(start));
    }

    private async Task<DiskServer> StartedAsync(CancellationToken cancellation)
    {
        await _starting.WaitAsync(cancellation);
        try
        {
            return _server ??= await DiskServer.StartAsync(
                new DiskServerOptions { MountPoint = options.WritableDisksDirectory, Source = "sluice-writable", Writable = true, Passthrough = false }, log, cancellation);
        }
        finally
        {
            _starting.Release();
        }
    }
}
