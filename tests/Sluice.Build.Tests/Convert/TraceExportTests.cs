using System.Text;
using Sluice.Build.Convert;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.Prefetch;
using Sluice.Formats.Trees;
using Sluice.Storage.Traces;
using Sluice.Testing;
using OverlayBdTrace = Sluice.Formats.OverlayBd.TraceFile;

namespace Sluice.Build.Tests.Convert;

/// <summary>Starts for the programs of others: what we write, we read.</summary>
public sealed class TraceExportTests
{
    private static readonly Digest Low = Digest.Sha256("low"u8), High = Digest.Sha256("high"u8), Manifest = Digest.Sha256("manifest"u8);

    private static readonly StartTrace Start = new(
        Manifest,
        [
            Read(High, 0, 65536, "/bin/sh", 0), Read(High, 65536, 65536, "/bin/sh", 65536), Read(Low, 4096, 4096, "/lib/\u00e9 \"x\"", 8192), Read(Low, 1 << 20, 65536, null, 0), Read(High, 131072, 10, "/bin/sh", 131072),
            Read(Low, 0, 4096, @"/odd\xff\x0a", 0),
        ]);

    [Fact]
    public void Files_and_their_parts()
    {
        IReadOnlyList<FileRange> files = ConvertTrace.Read(TraceExport.ToPrefetchFiles(Start)).Files;
        FileName shell = new("/bin/sh");
        Assert.Equal([new(shell, 0, 65536), new(shell, 65536, 65536), new(new FileName("/lib/\u00e9 \"x\""), 8192, 4096), new FileRange(shell, 131072, 10)], files);
    }

    [Fact]
    public void Lists_of_paths()
    {
        Assert.Equal("/bin/sh\n/lib/\u00e9 \"x\"\n", Encoding.UTF8.GetString(TraceExport.ToList(Start)));
        Assert.Equal("/bin/sh\n"u8, TraceExport.ToPriorityList(Start));
        Assert.Equal(2, ConvertTrace.Read(TraceExport.ToList(Start)).Files.Count);
        Assert.True(Assert.Single(ConvertTrace.Read(TraceExport.ToPriorityList(Start)).Files).IsAll);
    }

    [Fact]
    public void Records_of_layers()
    {
        byte[] file = TraceExport.ToOverlayBdTrace(Start, [Low, High]);
        Assert.Equal([new('R', 1, 0, 131072), new('R', 0, 4096, 4096), new('R', 0, 1 << 20, 65536), new('R', 1, 131072, 10), new TraceRecord('R', 0, 0, 4096)], ConvertTrace.Read(file).Records!);
        Assert.Equal([new('R', 0, 4096, 4096), new('R', 0, 1 << 20, 65536), new TraceRecord('R', 0, 0, 4096)], OverlayBdTrace.Read(TraceExport.ToOverlayBdTrace(Start, [Low])));
        StartTrace long1 = new(Manifest, [.. Enumerable.Range(0, 40).Select(index => Read(Low, index * 65536L, 65536, null, 0))]);
        Assert.Equal([1L << 20, 1 << 20, 1 << 19], OverlayBdTrace.Read(TraceExport.ToOverlayBdTrace(long1, [Low])).Select(record => record.Length));
    }

    /// <summary>Recorded by overlaybd itself.</summary>
    [Fact]
    public void A_trace_of_overlaybd_is_the_same_again()
    {
        Digest[] layers = [Low, High, Manifest];
        TraceRecord[] golden = [.. OverlayBdTrace.Read(File.ReadAllBytes(Golden.Path("overlaybd/trace/stack3.trace"))).DistinctBy(record => (record.Layer, record.Offset, record.Length))];
        TraceRecord[] written = OverlayBdTrace.Read(TraceExport.ToOverlayBdTrace(ListedStart.OfRecords(Manifest, golden, layers)!, layers));
        Assert.Equal(golden.SelectMany(Sectors), written.SelectMany(Sectors));
    }

    private static IEnumerable<(int Layer, long Sector)> Sectors(TraceRecord record)
    {
        for (long at = record.Offset; at < record.Offset + record.Length; at += 512) yield return (record.Layer, at);
    }

    private static TraceRead Read(Digest blob, long offset, int length, string? path, long place) =>
        new(blob, offset, length, TimeSpan.Zero, false) { File = path is null ? null : new FilePlace(path, place) };
}
