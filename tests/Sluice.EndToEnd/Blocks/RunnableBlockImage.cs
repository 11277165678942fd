using Sluice.EndToEnd.Harness;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Testing.Images;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Blocks;

/// <summary>
/// A block image of two layers with a busybox: an ext4 that mke2fs fills, and on top of it what the same ext4 differs by with
/// another <c>/etc/state</c>.
/// </summary>
internal static class RunnableBlockImage
{
    private const int Size = 32 << 20;
    private const int BlockSize = 4096;

    private const string Fill = """
        set -e
        mkdir -p "$0/tree/bin" "$0/tree/etc" "$0/tree/proc" "$0/tree/dev" "$0/tree/sys" "$0/tree/tmp" "$0/tree/run" "$0/tree/data"
        cp "$1" "$0/tree/bin/busybox"
        for applet in sh cat ls sleep echo sha256sum; do ln -sf busybox "$0/tree/bin/$applet"; done
        head -c 4000000 "$1" > "$0/tree/data/large"
        echo "$2" > "$0/tree/etc/state"
        mke2fs -q -t ext4 -O ^has_journal -U 11111111-2222-3333-4444-555555555555 -E hash_seed=11111111-2222-3333-4444-555555555555 -d "$0/tree" "$0/$3" 32M
        """;

    public static async Task<BlockImage> CreateAsync(Workspace workspace, string state = "READY")
    {
        string directory = workspace.MakeDirectory($"ext4-{Guid.NewGuid():n}");
        string busybox = Command.Require("busybox");
        foreach ((string name, string content) in new[] { ("lower", "LOWER"), ("upper", state) })
        {
            (int exitCode, string output) = await Command.RunAsync("/bin/sh", ["-c", Fill, directory, busybox, content, name]);
            Assert.True(exitCode == 0, output);
        }

        byte[] lower = File.ReadAllBytes(Path.Combine(directory, "lower")), upper = File.ReadAllBytes(Path.Combine(directory, "upper"));
        return new BlockImage(Pack(lower, new byte[Size]), Pack(upper, lower)) { Command = "/bin/sh" };
    }

    /// <summary>A layer with the blocks of a device that another one does not have.</summary>
    public static byte[] Pack(byte[] device, byte[] below)
    {
        using MemoryStream blob = new();
        TarWrapperWriter tar = new(blob);
        ZFileWriter zfile = new(tar, new ZFileOptions());
        LsmtLayerWriter layer = new(zfile, new LsmtLayerOptions { VirtualSize = device.Length });
        for (int at = 0; at < device.Length; at += BlockSize)
        {
            Span<byte> block = device.AsSpan(at, BlockSize);
            if (!block.SequenceEqual(below.AsSpan(at, BlockSize))) layer.Write(at / LsmtExtent.SectorSize, block);
        }

        layer.Complete();
        zfile.Complete();
        tar.Complete();
        return blob.ToArray();
    }
}
