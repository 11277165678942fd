using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats.Oci;

namespace Sluice.Containerd.Tests.Runtime;

/// <summary>Lazy images whose "mount" is a plain directory.</summary>
internal sealed class FakeLazyImages(string directory) : ILazyImages
{
    public const string TopLabel = "containerd.io/snapshot/test-top";

    public List<string> Calls { get; } = [];

    /// <summary>False: every layer is an ordinary one.</summary>
    public bool Lazy { get; set; } = true;

    /// <summary>Whether lower layers are an image by themselves.</summary>
    public bool HasPrefixes { get; set; }

    public Exception? MountError { get; set; }

    public Exception? FindError { get; set; }

    public Task<LazyLayer?> FindLayerAsync(string below, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        Record("find " + labels.GetValueOrDefault(SnapshotLabels.Reference));
        if (FindError is not null) throw FindError;
        if (!Lazy || !labels.TryGetValue(SnapshotLabels.ManifestDigest, out string? manifest)) return Task.FromResult<LazyLayer?>(null);
        LazyImage image = new(new LazyImageKey(Digest.Parse(manifest)), labels[SnapshotLabels.ImageReference]);
        return Task.FromResult<LazyLayer?>(new LazyLayer(image, labels.ContainsKey(TopLabel)));
    }

    public void CheckShared(LazyImage known, IReadOnlyDictionary<string, string> knownLabels, IReadOnlyDictionary<string, string> labels)
    {
    }

    public LazyImage? FindPrefix(string reference, IReadOnlyList<IReadOnlyDictionary<string, string>> layers)
    {
        if (!HasPrefixes) return null;
        string chain = string.Join(' ', layers.Select(labels => labels[SnapshotLabels.Reference]));
        return new LazyImage(new LazyImageKey(Digest.Sha256(System.Text.Encoding.ASCII.GetBytes(chain))), reference);
    }

    public Task<string> MountAsync(LazyImage image, CancellationToken cancellation)
    {
        Record("mount " + image.Key);
        return MountError is null ? Task.FromResult(directory) : throw MountError;
    }

    public Task ReleaseAsync(LazyImageKey image, CancellationToken cancellation)
    {
        Record("release " + image);
        return Task.CompletedTask;
    }

    /// <summary>What containers get that ask for nothing.</summary>
    public WriteMode DefaultMode { get; set; }

    public Task<WriteMode> ChooseModeAsync(LazyImage image, WriteMode? wanted, CancellationToken cancellation) => Task.FromResult(wanted ?? DefaultMode);

    public Task<SnapshotMount> AttachDiskAsync(ContainerDisk disk, CancellationToken cancellation)
    {
        Record($"attach {disk.Id}");
        if (MountError is not null) throw MountError;
        Directory.CreateDirectory(disk.Directory);
        return Task.FromResult(disk.Mode == WriteMode.Device ? new SnapshotMount("ext4", "/dev/loop7", ["rw"]) : new SnapshotMount("bind", disk.Directory, ["rw", "rbind"]));
    }

    public Task DetachDiskAsync(long id, string directory, CancellationToken cancellation)
    {
        Record($"detach {id}");
        return Task.CompletedTask;
    }

    private void Record(string call)
    {
        lock (Calls) Calls.Add(call);
    }
}
