namespace Sluice.Containerd.Snapshots.Ordinary;

/// <summary>
/// Brings layers of ordinary images, so that containerd need neither download nor unpack them. The snapshotter calls it; the node daemon implements it. All members may be called concurrently.
/// </summary>
/// <remarks>
/// containerd asks for the layers of an image one after the other, bottom up, and goes on to the next when it has an answer: whoever is asked for the first may begin with all of them. What is not
/// brought is left to containerd, which downloads and unpacks it as ever.
/// </remarks>
public interface IOrdinaryLayers
{
    /// <summary>Waits until the layer is here. Null: it is left to containerd. Never fails but by cancellation.</summary>
    /// <param name="labels">All labels of the Prepare call. They are not verified.</param>
    Task<IOrdinaryLayer?> FindAsync(IReadOnlyDictionary<string, string> labels, CancellationToken cancellation);
}
