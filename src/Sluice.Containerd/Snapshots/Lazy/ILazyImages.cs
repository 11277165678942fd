namespace Sluice.Containerd.Snapshots.Lazy;

/// <summary>
/// Decides which images are served lazily, and mounts them. The snapshotter calls it; the node daemon implements it.
/// </summary>
/// <remarks>
/// <para>Life of an image. containerd asks for each layer, bottom up, with the labels of <see cref="SnapshotLabels"/>:
/// <see cref="FindLayerAsync"/> answers. A lazy layer is recorded at once and never downloaded. When a container (or a view)
/// is made on top of a completing layer or of a prefix, and whenever containerd asks for its mounts again, <see cref="MountAsync"/> is
/// called; the directory that it returns becomes a lower directory of overlayfs (or is bind-mounted read-only). When the
/// last completing layer of the image, or the top layer of the prefix, has been removed, <see cref="ReleaseAsync"/> is called.</para>
/// <para>Life of a container's own disk. When a container is made directly on top of such a layer, <see cref="ChooseModeAsync"/> says how it
/// writes, once and for all. With a disk of its own, <see cref="AttachDiskAsync"/> is called then and whenever containerd asks for the
/// mounts again (after a restart of the daemon, too); when the snapshot has been removed, <see cref="DetachDiskAsync"/>, and then the files are deleted.</para>
/// <para>Concurrency. Calls for different images run concurrently. <see cref="MountAsync"/> and <see cref="ReleaseAsync"/> of one
/// image never overlap, nor do <see cref="AttachDiskAsync"/> and <see cref="DetachDiskAsync"/> of one disk. The others may run at any time.</para>
/// <para>Errors. A <see cref="Formats.SluiceException"/> reaches the user of <c>ctr</c> or of the pod word by word, with culprit and hint.
/// Nothing is recorded when <see cref="FindLayerAsync"/> throws, and the new snapshot is undone when <see cref="MountAsync"/> throws, so containerd may try again.</para>
/// <para>Restart. <see cref="Snapshotter.LazyImages"/> lists what is still referred to; nothing else is announced again.</para>
/// </remarks>
public interface ILazyImages
{
    /// <summary>Is this layer part of an image that is served lazily? Null: an ordinary layer, containerd downloads and unpacks it.</summary>
    /// <param name="below">Chain id of the layers below; empty for the lowest.</param>
    /// <param name="labels">All labels of the Prepare call. They are not verified: check digests before trusting what they point to.</param>
    Task<LazyLayer?> FindLayerAsync(string below, IReadOnlyDictionary<string, string> labels, CancellationToken cancellation);

    /// <summary>A layer that is recorded already is asked for again, with an image of the same or another name: throws if it can't be that.</summary>
    /// <param name="known">What it is recorded with.</param>
    /// <param name="knownLabels">That it is recorded with.</param>
    /// <param name="labels">All labels of the Prepare call.</param>
    void CheckShared(LazyImage known, IReadOnlyDictionary<string, string> knownLabels, IReadOnlyDictionary<string, string> labels);

    /// <summary>
    /// The image that lower layers of an image make by themselves. containerd does not ask for layers that it knows, so an image that was pulled after one
    /// that is built on it has no completing layer. Null: without the rest they are nothing that could be mounted. Asks nobody and always answers the same.
    /// </summary>
    /// <param name="reference">Of the image that the layers are recorded with.</param>
    /// <param name="layers">Labels that they were found with, lowest layer first.</param>
    LazyImage? FindPrefix(string reference, IReadOnlyList<IReadOnlyDictionary<string, string>> layers);

    /// <summary>
    /// Makes sure that the image is mounted read-only, once for all its containers, and returns the absolute directory. Idempotent
    /// and cheap when it is mounted already; a later call may return another directory with the same content. The path may contain neither <c>:</c> nor <c>,</c>.
    /// </summary>
    Task<string> MountAsync(LazyImage image, CancellationToken cancellation);

    /// <summary>The same after a restart, when no container is about to start.</summary>
    Task<string> RemountAsync(LazyImage image, CancellationToken cancellation) => MountAsync(image, cancellation);

    /// <summary>How a new container on an image writes.</summary>
    /// <param name="wanted">What the snapshot's label asks for; null: nothing, the node's own settings decide.</param>
    /// <exception cref="Formats.SluiceException">The image can't do what is wanted.</exception>
    Task<WriteMode> ChooseModeAsync(LazyImage image, WriteMode? wanted, CancellationToken cancellation);

    /// <summary>
    /// Makes sure that the disk is attached, making its files if there are none, and returns what containerd is to mount. Idempotent and cheap
    /// when it is attached already.
    /// </summary>
    Task<SnapshotMount> AttachDiskAsync(ContainerDisk disk, CancellationToken cancellation);

    /// <summary>No container can use the disk any more: nothing may keep its files open. May be called for one that was never attached. A failure is logged and not repeated.</summary>
    /// <param name="id">See <see cref="ContainerDisk.Id"/>.</param>
    /// <param name="directory">See <see cref="ContainerDisk.Directory"/>.</param>
    Task DetachDiskAsync(long id, string directory, CancellationToken cancellation);

    /// <summary>
    /// No snapshot can use the image any more: unmount and forget. May be called more than once, and for an image that was never
    /// mounted. A failure is logged and not repeated.
    /// </summary>
    Task ReleaseAsync(LazyImageKey image, CancellationToken cancellation);
}
