using Sluice.Formats;
using Sluice.Node.Succession;
using Sluice.Storage.Disks;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <content>
/// Local mounts: of an image that is all here and checked, the kernel gets the cache's files themselves. It reads them without us, whether we live or not. That they are never punched while
/// it may do so is the cache's business (the mark <c>held</c>), as with passthrough.
/// </content>
internal sealed partial class ImageMounter
{
    private volatile bool _refusesLocal; // the kernel does not take files of the cache: it need not be asked again

    /// <summary>True if a mount that is served could be a local one, were it made now.</summary>
    public bool CouldBeLocal(MountedImage mounted) => !_refusesLocal && !mounted.IsLocal && FindFiles(mounted.Disks) is not null;

    /// <summary>Mounts an image locally on <paramref name="target"/>, beside the mount that it has.</summary>
    /// <returns>Null: not all of it is here, or the kernel refused.</returns>
    /// <inheritdoc cref="MountAsync(string, LocalImage, IImageStore, string, CancellationToken, string, Func{Storage.Activity.ImageActivity, IReadOnlyDictionary{Formats.Oci.Digest, Storage.Fetching.BlobReader}, Starts.MountStarts}?)"/>
    public async Task<MountedImage?> TryMountLocalAsync(string key, LocalImage image, IImageStore store, string target, CancellationToken cancellation)
    {
        OpenedImage opened = await image.Content.OpenAsync(Opener(image), store, key, image, OnLoop, cancellation);
        MountedImage? mounted = await TryMountLocalAsync(RecordOf(key, image, target) with { OwnsTarget = !Directory.Exists(target), OnLoop = OnLoop }, opened);
        if (mounted is not null) return mounted;
        foreach (IDisk disk in opened.Disks) disk.Dispose();
        return null;
    }

    /// <returns>Null: it is none, and the disks are still open.</returns>
    private async Task<MountedImage?> TryMountLocalAsync(MountRecord record, OpenedImage opened)
    {
        if (_refusesLocal || FindFiles(opened.Disks) is not { } files) return null;
        var mounted = new MountedImage(record.Target, record.OwnsTarget, opened.Disks, server: null, _mounts, new DescribedMount(_description, record.Key));
        try
        {
            await MountAsync(mounted, record with { IsLocal = true, Disks = [.. opened.Disks.Select(disk => new DiskRecord(disk.Name, disk.Length, Place: 0))] }, opened.MountLocal, files);
            return mounted;
        }
        catch (SluiceException refused) when (refused.Error == SluiceError.Kernel)
        {
            _refusesLocal = true;
            _log($"images that are all here are served all the same, as the kernel does not take the cache's files: {refused.Message}");
            _description.Remove(record.Key);
            return null;
        }
        catch
        {
            await mounted.DisposeAsync();
            throw;
        }
    }

    /// <summary>The files of disks, as another process can open them whatever happens to their names; null: one is not all here and checked.</summary>
    private static List<string>? FindFiles(IReadOnlyList<IDisk> disks)
    {
        if (!disks.All(disk => disk.IsLocal)) return null; // first: a file that was asked for is not evicted any more, though its image lack others
        List<string> files = [];
        foreach (IDisk disk in disks)
        {
            if (disk.CompleteFiles is not { } complete) return null;
            files.AddRange(complete.Select(file => $"/proc/{Environment.ProcessId}/fd/{file.DangerousGetHandle()}"));
        }

        return files;
    }
}
