using Sluice.Formats.Rafs.V6;

namespace Sluice.Formats.Rafs;

/// <summary>
/// Writes RAFS v6 bootstraps that the kernel's EROFS mounts and that nydusd accepts; <c>docs/formats/rafs-v6.md</c> says which
/// subset. The same image gives the same bytes. Time and memory are linear in the number of names and chunks.
/// </summary>
/// <remarks>
/// Taken from the image: the tree, the blobs (their index, device slots and mapped offsets are made here), of
/// <see cref="RafsImage.Chunks"/> those that files use, the prefetch list. Every failure is a <see cref="SluiceException"/>
/// that names the file: a name or number that the format cannot hold, a chunk that does not fit its file or blob, more than
/// 254 blobs, two blobs of one id, a directory with two names.
/// </remarks>
public static class RafsV6Writer
{
    /// <summary>The whole bootstrap in memory.</summary>
    public static byte[] Write(RafsImage image) => Write(image, out _);

    /// <summary>The whole bootstrap in memory.</summary>
    public static byte[] Write(RafsImage image, out RafsWriteReport report)
    {
        BootstrapPlan plan = new(image);
        byte[] bootstrap = new byte[plan.Length];
        using var stream = new MemoryStream(bootstrap, writable: true);
        new BootstrapEmitter(plan, stream).Write();
        report = plan.Report();
        return bootstrap;
    }

    /// <summary>Writes the bootstrap to <paramref name="output"/> in one forward pass, from its current position.</summary>
    public static RafsWriteReport Write(RafsImage image, Stream output)
    {
        BootstrapPlan plan = new(image);
        new BootstrapEmitter(plan, output).Write();
        return plan.Report();
    }
}
