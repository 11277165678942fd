using System.Diagnostics;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Testing.Ext4;

namespace Sluice.Build.Tests.Support;

/// <summary>A base layer as the original's is made: mkfs.ext4 with its options, on a device of its own, committed, compressed, in a tar.</summary>
internal static class MadeBase
{
    private const int Block = 4096;

    /// <param name="tar">False: the bare ZFile.</param>
    public static string Make(string directory, long size, bool tar = true)
    {
        string device = Path.Combine(directory, "base.device"), file = Path.Combine(directory, tar ? "base.tar" : "base.zfile");
        E2fs.Make(device, size, "^has_journal,sparse_super,flex_bg", "-G", "1", "-E", "discard");
        Commit(device, file, tar);
        File.Delete(device);
        return file;
    }

    /// <summary>What is not zero of a device, as a layer.</summary>
    public static void Commit(string device, string layer, bool tar)
    {
        using FileStream content = File.OpenRead(device), output = File.Create(layer);
        using var wrapper = tar ? new TarWrapperWriter(output) : null;
        using var zfile = new ZFileWriter((Stream?)wrapper ?? output, new ZFileOptions());
        var writer = new LsmtLayerWriter(zfile, new LsmtLayerOptions { VirtualSize = content.Length });
        byte[] block = new byte[Block];
        foreach ((long start, long end) in DataOf(device))
        {
            for (long at = start; at < end; at += Block)
            {
                content.Position = at;
                content.ReadExactly(block);
                if (block.AsSpan().ContainsAnyExcept((byte)0)) writer.Write(at / LsmtExtent.SectorSize, block);
            }
        }

        writer.Complete();
        zfile.Complete();
        wrapper?.Complete();
    }

    /// <summary>Ranges of a sparse file that are no holes, in whole blocks.</summary>
    private static IEnumerable<(long Start, long End)> DataOf(string path)
    {
        string script = "import os,sys\nf=os.open(sys.argv[1],0); n=os.fstat(f).st_size; at=0\nwhile at<n:\n try: s=os.lseek(f,at,os.SEEK_DATA)\n except OSError: break\n at=os.lseek(f,s,os.SEEK_HOLE); print(s,at)";
        var start = new ProcessStartInfo("python3", ["-c", script, path]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        foreach (string line in process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            long[] range = [.. line.Split(' ').Select(long.Parse)];
            yield return (range[0] / Block * Block, (range[1] + Block - 1) / Block * Block);
        }
    }
}
