using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Mounts;
using Sluice.Node.Succession;
using Sluice.Storage.Disks;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <content>Taking over from a predecessor, and leaving to a successor.</content>
internal sealed partial class ImageMounter
{
    /// <summary>A child of the predecessor that is inside a mount(2) gets an error at once, as what was about to be mounted is not served.</summary>
    private static readonly TimeSpan ChildLimit = TimeSpan.FromSeconds(5);

    /// <summary>True if what is mounted stays when this process leaves.</summary>
    public bool IsKept => _connections.AreKept;

    /// <summary>True if a predecessor's connection is served again, mounts on it or not, or its local mounts are known.</summary>
    public bool HasTakenOver { get; private set; }

    /// <summary>The state directory.</summary>
    public string State => _options.State;

    /// <summary>True if a predecessor has left mounts that are served again.</summary>
    public bool IsInherited => Adopted.Count + AdoptedWritable.Count > 0;

    /// <summary>Mounts of a predecessor that are served again, and behind them its local ones. They are the caller's, who asks once.</summary>
    public IReadOnlyList<AdoptedImage> Adopted { get; private set; } = [];

    /// <summary>Writable disks of a predecessor that are served again.</summary>
    public IReadOnlyList<AdoptedWritable> AdoptedWritable { get; private set; } = [];

    /// <summary>Listens for containerd, see <see cref="KeptListener.Open"/>.</summary>
    public KeptListener Listen(string path) => _connections.Listen(path);

    /// <summary>
    /// Ends the servers and leaves what they serve to a successor: readers wait until it comes, or until the keeper answers for it. Disks, and what
    /// else this process has open of the mounts, are the caller's to dispose after it.
    /// </summary>
    public async Task LeaveAsync()
    {
        _downloads.Dispose();
        _cache.Flush(); // the long part of it while readers don't wait
        try
        {
            await _writable.LeaveAsync();
            if (_server is not null) await _server.LeaveAsync();
        }
        catch (SluiceException hidden)
        {
            _log(hidden.Message); // it is unmounted instead
        }

        StopFetching();
    }

    /// <summary>Unmounts what was adopted, for whoever has no other use for it.</summary>
    public async Task UnmountAdoptedAsync()
    {
        foreach (AdoptedWritable adopted in AdoptedWritable)
        {
            await using AttachedDisk disk = adopted.Record.Device is null ? new AttachedDisk(MountOf(adopted), adopted.Store) : new AttachedDisk(DeviceOf(adopted), adopted.Store);
            await disk.PrepareStopAsync();
        }

        foreach (AdoptedImage adopted in Adopted)
        {
            await adopted.Mounted.DisposeAsync();
            await adopted.Store.DisposeAsync();
        }
    }

    /// <summary>Serves the disks of an image of another root for a moment, and reads the beginning of each through the kernel.</summary>
    public async Task RehearseAsync(LocalImage image, CancellationToken cancellation)
    {
        await using IImageStore store = ImageStores.Open(ImageReference.Parse(image.Record.Reference), _options.Sources);
        await using CancellationTokenRegistration giveUp = cancellation.Register(StopFetching);
        foreach (IDisk disk in await image.Content.OpenDisksAsync(Opener(image), store, "rehearsal", image, OnLoop, cancellation))
        {
            string file = Server.Add(disk, _deadlines.Of(image.Record.Reference));
            try
            {
                using SafeFileHandle open = File.OpenHandle(file);
                await RandomAccess.ReadAsync(open, new byte[4096], 0, cancellation);
            }
            finally
            {
                await Server.RemoveAsync(disk.Name);
                disk.Dispose();
            }
        }
    }

    /// <summary>At a start that failed: leaves where there is somebody to leave to.</summary>
    private async Task StopAsync()
    {
        if (IsKept) await LeaveAsync();
        foreach (AdoptedWritable disk in AdoptedWritable) disk.Disk.Dispose();
        await DisposeAsync();
    }

    private async Task TakeOverAsync(LocalImages images, CancellationToken cancellation)
    {
        Inheritance left = Inheritance.Find(_options, _description, _connections);
        List<MountRecord> kept = [.. left.Local];
        List<string> keptServers = [];
        Adopted = [.. left.Local.Select(record => Adopt(record, LateImageOf(record, images), server: null))];
        if (_connections.IsLeft(KeptConnections.Disks, _options.DisksDirectory))
        {
            Adopted = [.. await AdoptServedAsync(left.Images, images, cancellation), .. Adopted];
            kept.AddRange(left.Images);
            keptServers.Add(_options.DisksDirectory);
        }

        if (_connections.IsLeft(KeptConnections.Writable, _options.WritableDisksDirectory))
        {
            AdoptedWritable = await OpenWritableAsync(left.Writable, images);
            await _writable.AdoptAsync(AdoptedWritable.Select(adopted => (adopted.Record, adopted.Disk)), cancellation);
            kept.AddRange(AdoptedWritable.Select(adopted => adopted.Record));
            keptServers.Add(_options.WritableDisksDirectory);
        }

        HasTakenOver = keptServers.Count > 0 || Adopted.Count > 0;
        _connections.DropLeft();
        await CleanAsync(kept, keptServers, cancellation);
        _server ??= await _connections.StartAsync(KeptConnections.Disks, ServerOptions(), cancellation);
    }

    /// <summary>Serves the disks of mounted images at once; they are opened when they are read.</summary>
    private async Task<IReadOnlyList<AdoptedImage>> AdoptServedAsync(IReadOnlyList<MountRecord> records, LocalImages images, CancellationToken cancellation)
    {
        (MountRecord Record, (LateImage Late, IImageStore Store) Image)[] late = [.. records.Select(record => (record, LateImageOf(record, images)))];
        IEnumerable<AdoptedDisk> disks = late.SelectMany(known => known.Record.Disks.Zip(known.Image.Late.Disks, (described, disk) => new AdoptedDisk(disk, described.Place, described.BackingId) { Deadline = _deadlines.Of(known.Record.Reference) }));
        _server = await _connections.AdoptAsync(KeptConnections.Disks, ServerOptions(), disks, cancellation);
        return [.. late.Select(known => Adopt(known.Record, known.Image, _server))];
    }

    private (LateImage Late, IImageStore Store) LateImageOf(MountRecord record, LocalImages images)
    {
        IImageStore store = ImageStores.Open(ImageReference.Parse(record.Reference), _options.Sources);
        return (new LateImage(record, () => OpenDisksAsync(record, store, images), _deadlines.Of(record.Reference), _log), store);
    }

    private AdoptedImage Adopt(MountRecord record, (LateImage Late, IImageStore Store) image, DiskServer? server)
    {
        var mounted = new MountedImage(record.Target, record.OwnsTarget, image.Late.Disks, server, _mounts, new DescribedMount(_description, record.Key));
        mounted.Adopted(record.Mount!);
        return new AdoptedImage(record, mounted, image.Store, image.Late);
    }

    private async Task<IReadOnlyList<IDisk>> OpenDisksAsync(MountRecord record, IImageStore store, LocalImages images)
    {
        LocalImage image = Load(record, images);
        ImageDisks opener = Opener(image);
        IReadOnlyList<IDisk> disks = await image.Content.OpenDisksAsync(opener, store, record.Key, image, record.OnLoop, CancellationToken.None);
        Complete(image, opener);
        return disks;
    }

    /// <summary>Writable disks take requests that can't wait for them to be opened, so they are opened first. One that can't be opened is lost to its users.</summary>
    private async Task<IReadOnlyList<AdoptedWritable>> OpenWritableAsync(IReadOnlyList<MountRecord> records, LocalImages images)
    {
        AdoptedWritable?[] opened = await Task.WhenAll(records.Select(record => Task.Run(async () =>
        {
            IImageStore store = ImageStores.Open(ImageReference.Parse(record.Reference), _options.Sources);
            try
            {
                WritableDisk disk = OpenWritable(record.Disks[0].Name, Load(record, images), store, new WritableLayer(record.Layer!));
                return new AdoptedWritable(record, disk, store);
            }
            catch (SluiceException failed)
            {
                _log($"{record.Layer}: the disk of an earlier process can't be taken over: {failed.Message}");
                await store.DisposeAsync();
                return null;
            }
        })));
        return [.. opened.OfType<AdoptedWritable>()];
    }

    /// <summary>Takes away what was not taken over, its description first: if this is interrupted, it is nothing that anybody could take over.</summary>
    private async Task CleanAsync(IReadOnlyList<MountRecord> kept, IReadOnlyList<string> keptServers, CancellationToken cancellation)
    {
        MountRecord[] gone = [.. _description.Mounts.Where(record => kept.All(known => known.Key != record.Key))];
        if (gone.Any(record => record.Mount is null && record.Device is null) && !await MountProcess.UntilOthersEndedAsync(_options.MountGuard, ChildLimit, cancellation))
            _log("a mount process of an earlier daemon does not end: what it mounts will be in the way");
        foreach (MountRecord record in gone) _description.Remove(record.Key);
        HashSet<(int Major, int Minor)> fileSystems = [.. kept.Where(record => record.Mount is not null).Select(record => (record.Mount!.Major, record.Mount.Minor))];
        foreach (MountEntry server in keptServers.Select(MountTable.Find).OfType<MountEntry>()) fileSystems.Add((server.Major, server.Minor));
        HashSet<string> devices = [.. kept.Where(record => record.IsWritable).Select(record => record.Device ?? record.Mount!.Source)];
        UpperDirectory.ForgetDeleted(_options.PendingDirectory, _options.Root);
        await new StaleMounts(_options, fileSystems, devices, _mounts, _log).DetachAsync();
    }

    /// <summary>What a mount or a disk of a predecessor was opened as, ready to be used by the one who takes it.</summary>
    public MountedImage MountOf(AdoptedWritable adopted) => _writable.AdoptedMount(adopted.Record, adopted.Disk);

    /// <inheritdoc cref="MountOf"/>
    public AttachedDevice DeviceOf(AdoptedWritable adopted) => _writable.AdoptedDevice(adopted.Record, adopted.Disk);

    private static LocalImage Load(MountRecord record, LocalImages images) =>
        images.Load(Digest.Parse(record.Manifest)) ?? throw new SluiceException(SluiceError.Disk, record.Reference, "its metadata is gone from the local disk, or damaged", "start its containers again, or mount it again");

    private DiskServerOptions ServerOptions() => new() { MountPoint = _options.DisksDirectory, BackingRegistered = _description.Register };
}
