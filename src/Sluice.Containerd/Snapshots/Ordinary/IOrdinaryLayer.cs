namespace Sluice.Containerd.Snapshots.Ordinary;

/// <summary>A layer that is here. Disposing deletes what is left of it.</summary>
public interface IOrdinaryLayer : IDisposable
{
    /// <summary>On the file system of the snapshots, mode 0700; its <c>fs</c> is the layer as overlayfs takes it. The snapshotter moves it to its place.</summary>
    string Directory { get; }

    /// <summary>Makes it fit what it comes to lie on. False: it does not, and is left to containerd.</summary>
    /// <param name="lowers">Directories of the layers below, nearest first.</param>
    bool TryFit(IReadOnlyList<string> lowers);
}
