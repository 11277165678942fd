using Sluice.EndToEnd.Harness;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Testing.Ext4;

namespace Sluice.EndToEnd.Trees;

/// <summary>An ordinary image beside the block image made of it.</summary>
internal static class BlockTree
{
    private const long Size = 4L << 30;

    /// <summary>
    /// Converts, has containerd unpack the one and mounts the other, and compares what Linux says about every name; then puts the layers on
    /// one device, one after another, and has e2fsck look at it after each.
    /// </summary>
    public static async Task AssertIsThatOfContainerdAsync(TestNode node, string layout, IReadOnlyList<KnownDifference> known)
    {
        await Skopeo.CopyAsync($"oci:{layout}:latest", "docker://" + node.Image("tree:latest"));
        await node.CtrAsync("images", "pull", "--plain-http", "--snapshotter", "overlayfs", node.Image("tree:latest"));
        await node.CtrAsync("images", "mount", node.Image("tree:latest"), node.Workspace.MakeDirectory("unpacked"));
        TreeListing unpacked = await TreeListing.ReadAsync(node.Workspace.File("unpacked"));

        (await SluiceProgram.RunAsync("convert", "--format", "overlaybd", "--vsize", $"{Size}", "oci:" + layout, node.Image("tree:obd"))).Succeeds();
        await node.PullAsync(node.Image("tree:obd"));
        TreeListing lazy = await TreeListing.ReadAsync(await node.ViewAsync("lazy"));
        Assert.DoesNotContain("lost+found", lazy.Paths.Except(unpacked.Paths));
        TreeDifference[] unexplained = [.. unpacked.Compare(lazy).Where(difference => !known.Any(row => row.Explains(difference, lazy.Find(difference.Path)?["type"] == "directory")))];
        Assert.Empty(unexplained);

        string device = node.Workspace.File("device"), copy = $"oci:{node.Workspace.File("copy")}";
        (await SluiceProgram.RunAsync("convert", "--format", "overlaybd", "--vsize", $"{Size}", "oci:" + layout, copy + ":obd")).Succeeds();
        using (FileStream file = File.Create(device)) file.SetLength(Size);
        foreach (string layer in await TestNode.LayersAsync(copy + ":obd"))
        {
            Apply(Path.Combine(node.Workspace.File("copy"), "blobs", "sha256", layer["sha256:".Length..]), device);
            E2fs.AssertClean(device);
        }
    }

    private static void Apply(string layer, string device)
    {
        byte[] blob = File.ReadAllBytes(layer);
        using BlockLayer block = BlockLayerTail.TryRead(blob, blob.Length, out _)!;
        using FileStream target = File.OpenWrite(device);
        byte[] data = new byte[LsmtExtent.MaxLength * LsmtExtent.SectorSize], scratch = new byte[ZFileLimits.MaxBlockSize];
        foreach (LsmtExtent extent in block.Extents)
        {
            Span<byte> sectors = data.AsSpan(0, extent.Length * LsmtExtent.SectorSize);
            if (extent.IsZeroed) sectors.Clear();
            else block.ZFile!.Decode(blob.AsSpan(block.PayloadOffset), 0, extent.MappedOffset * LsmtExtent.SectorSize, sectors, scratch);
            target.Position = extent.Offset * LsmtExtent.SectorSize;
            target.Write(sectors);
        }
    }
}
