using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.Prefetch;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;
using Sluice.Storage.Traces;
using Sluice.Testing;
using OverlayBdTrace = Sluice.Formats.OverlayBd.TraceFile;

namespace Sluice.Storage.Tests.Traces;

/// <summary>What images say themselves of their start, in files of the real tools.</summary>
public sealed class ListedStartTests
{
    private static readonly Digest Manifest = Digest.Sha256("manifest"u8);

    [Fact]
    public void The_root_in_a_prefetch_table_says_nothing()
    {
        RafsImage image = Native();
        Assert.Equal([image.Root], image.Prefetch);
        Assert.Null(ListedStart.OfTable(Manifest, image));
    }

    [Fact]
    public void A_prefetch_table_with_files_and_directories_is_a_start()
    {
        RafsImage image = Native();
        TreeEntry file = TreeWalk.DepthFirst(image.Root).Last(entry => entry.Inode.Chunks.Distinct().Count() > 1);
        TreeEntry directory = TreeWalk.DepthFirst(image.Root).First(entry => entry.Depth == 1 && entry.Inode.Entries?.Count > 100);
        RafsImage listed = RafsReader.Read(RafsV6Writer.Write(new RafsImage
        {
            ChunkSize = image.ChunkSize,
            Compressor = image.Compressor,
            Digester = image.Digester,
            Root = image.Root,
            Blobs = image.Blobs,
            Chunks = image.Chunks,
            Prefetch = [file.Inode, directory.Inode, file.Inode],
        }));
        StartTrace start = ListedStart.OfTable(Manifest, listed)!;
        Assert.Equal(file.Inode.Size, start.Reads.Take(file.Inode.Chunks.Count).Sum(read => (long)read.Length));
        Assert.True(start.Reads.Count > file.Inode.Chunks.Count);
        Assert.Equal(start.Reads.Count, start.Reads.Distinct().Count());
        Assert.All(start.Reads, read => Assert.Contains(read.Blob.Hex, image.Blobs.Select(blob => blob.Id)));
    }

    [Fact]
    public void Parts_of_files_are_chunks_and_what_is_not_there_is_left_out()
    {
        RafsImage image = Native();
        TreeEntry file = TreeWalk.DepthFirst(image.Root).Last(entry => entry.Inode.Chunks.Distinct().Count() > 1);
        Assert.Single(ListedStart.OfFiles(Manifest, image, [new(file.Path, image.ChunkSize, 1)])!.Reads);
        Assert.Equal(2, ListedStart.OfFiles(Manifest, image, [new(file.Path, image.ChunkSize - 1, 2), new(file.Path, 1L << 50, 4096)])!.Reads.Count);
        Assert.Null(ListedStart.OfFiles(Manifest, image, [new(new FileName("/not/there")), new(new FileName("/")), new(file.Path, 1L << 50, 4096)]));
    }

    [Fact]
    public void A_trace_of_overlaybd_is_a_start_of_its_layers()
    {
        TraceRecord[] records = OverlayBdTrace.Read(File.ReadAllBytes(Golden.Path("overlaybd/trace/stack3.trace")));
        Digest[] layers = [Digest.Sha256("0"u8), Digest.Sha256("1"u8), Digest.Sha256("2"u8)];
        StartTrace start = ListedStart.OfRecords(Manifest, records, layers)!;
        Assert.Equal(records.Distinct().Count(), start.Reads.Count);
        Assert.Equal((layers[0], 0x306000L, 4096), (start.Reads[3].Blob, start.Reads[3].Offset, start.Reads[3].Length));
        Assert.All(ListedStart.OfRecords(Manifest, records, layers[..1])!.Reads, read => Assert.Equal(layers[0], read.Blob));
        Assert.Null(ListedStart.OfRecords(Manifest, records, []));
        Assert.Null(ListedStart.OfRecords(Manifest, [new TraceRecord('W', 0, 0, 4096)], layers));
        Assert.Equal(TraceRecorder.MaxReads, ListedStart.OfRecords(Manifest, [new TraceRecord('R', 0, 0, long.MaxValue)], layers)!.Reads.Count);
    }

    private static RafsImage Native() => RafsReader.Read(File.ReadAllBytes(Golden.Path("nydus/generated/merged-native.boot")));
}
