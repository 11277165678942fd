using Sluice.Build.Convert;
using Sluice.Build.Layers;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Trees;

namespace Sluice.Build.Unpack;

/// <summary>
/// Unpacks one layer for overlayfs, while it is read, by the rules of <see cref="LayerTreeBuilder"/>, which are containerd's. The tree is made when the last byte has been checked; until then contents lie
/// beside it under numbers, so that no name of the layer leads anywhere before all are known.
/// </summary>
public static class LayerUnpacker
{
    /// <summary>More files are not worth their memory, about 1 KiB each.</summary>
    private const int MostFiles = 300_000;

    /// <summary>On a thread of its own, which waits for the source and the disk.</summary>
    /// <param name="blob">The layer as it is stored; throws at its end if its digest is wrong. Closed.</param>
    /// <param name="diffId">What the tar in it must be; SHA-256.</param>
    /// <param name="directory">Exists and is empty; what is left in it after a failure is the caller's. Its <c>fs</c> becomes the layer.</param>
    /// <exception cref="SluiceException">The layer is corrupt or needs files of lower layers, the source or the disk failed, or the user may not set what the layer says.</exception>
    public static async Task<UnpackedLayer> RunAsync(Stream blob, Descriptor layer, Digest diffId, string directory, CancellationToken cancellation)
    {
        using var stop = new CancellationTokenSource();
        return await OwnThread.Run($"layer {layer.Digest.Hex[..12]}", () => Run(blob, layer, diffId, directory, cancellation), stop);
    }

    private static UnpackedLayer Run(Stream blob, Descriptor layer, Digest diffId, string directory, CancellationToken cancellation)
    {
        if (diffId.Algorithm != "sha256") throw new SluiceException(SluiceError.Image, $"layer {layer.Digest}", $"its diff id is a {diffId.Algorithm} digest");
        string staging = Make(Path.Combine(directory, "staged")), root = Make(Path.Combine(directory, "fs"));
        var warnings = new UnpackWarnings();
        var builder = new LayerTreeBuilder(MostFiles);
        using var staged = new StagedFiles(staging, new InodeAttributes(warnings));
        LayerEntries.Read(blob, layer, (tar, entry) =>
        {
            if (builder.Add(entry) is not { Size: > 0 } file) return;
            OverlayForm.LeaveOutTrusted(file);
            staged.Add(file, tar, entry.Path, cancellation);
        }, cancellation, diffId);
        if (builder.Tree.LowerLinks.Count > 0) throw new SluiceException(SluiceError.Image, $"layer {layer.Digest}", $"has a hard link to a file of a lower layer, {builder.Tree.LowerLinks.Values.First()}");
        OverlayForm.Apply(builder.Tree);
        using var tree = new TreeMaker(root, builder.Tree.Root, warnings);
        tree.Begin(cancellation);
        foreach (Inode file in tree.Names.Files) staged.Move(file, tree.Open, tree.Names.First[file]);
        tree.End();
        warnings.Check();
        Directory.Delete(staging, recursive: true);
        return new UnpackedLayer(root, [.. tree.Names.Directories.Where(entry => builder.Tree.ImplicitDirectories.Contains(entry.Inode)).Select(entry => entry.Path)]);
    }

    private static string Make(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
            return path;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, path, exception.Message, inner: exception);
        }
    }
}
