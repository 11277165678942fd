using System.Text;
using Sluice.Formats.Oci;
using Sluice.Storage.Traces;

namespace Sluice.Storage.Tests.Traces;

public sealed class TraceDifferenceTests
{
    private static readonly Digest Blob = Digest.Sha256("blob"u8);

    [Fact]
    public void TwoOfTheSameDoNotDiffer()
    {
        StartTrace trace = Trace(("/a", 0), ("/b", 0), ("/a", 1));
        Assert.All(TraceDifference.Of(trace, trace), change => Assert.True(change.IsNone));
    }

    [Fact]
    public void WhatOnlyOneReadIsSaid()
    {
        IReadOnlyList<TraceChange> changes = TraceDifference.Of(Trace(("/a", 0), ("/gone", 0), ("/c", 0)), Trace(("/a", 0), ("/c", 0), ("/c", 1), ("/new", 3)));
        Assert.Equal(["/a", "/c", "/new", "/gone"], changes.Select(change => change.Name)); // as the second read them
        Assert.Equal((0L, 4096L), (changes[1].Before!.Value.OnlyHere, changes[1].After!.Value.OnlyHere));
        Assert.Equal((null, 4096L), (changes[2].Before, changes[2].After!.Value.OnlyHere));
        Assert.Equal((4096L, null), (changes[3].Before!.Value.OnlyHere, changes[3].After));
        Assert.All(changes, change => Assert.Equal(0, change.Move));
    }

    [Fact]
    public void OneFileThatComesFirstNowHasNotMovedAllOthers()
    {
        IReadOnlyList<TraceChange> changes = TraceDifference.Of(Trace(("/a", 0), ("/b", 0), ("/c", 0), ("/d", 0)), Trace(("/d", 0), ("/a", 0), ("/b", 0), ("/c", 0)));
        Assert.Equal([("/d", -3), ("/a", 0), ("/b", 0), ("/c", 0)], changes.Select(change => (change.Name, change.Move)));
        changes = TraceDifference.Of(Trace(("/a", 0), ("/b", 0), ("/c", 0)), Trace(("/b", 0), ("/c", 0), ("/a", 0)));
        Assert.Equal([("/b", 0), ("/c", 0), ("/a", 2)], changes.Select(change => (change.Name, change.Move)));
    }

    [Fact]
    public void ConversionsWithOtherChunksAreComparedByTheFilesBytes()
    {
        StartTrace small = new(Blob, [Named("/a", 0, 4096), Named("/a", 4096, 4096), Named("/a", 65536, 4096)]);
        StartTrace large = new(Digest.Sha256("other"u8), [Named("/a", 0, 65536)]);
        TraceChange change = Assert.Single(TraceDifference.Of(small, large));
        Assert.Equal((4096L, 65536L - 8192), (change.Before!.Value.OnlyHere, change.After!.Value.OnlyHere));
    }

    [Fact]
    public void NamesThatOneTraceHasHoldForBoth()
    {
        StartTrace named = new(Blob, [Read(0) with { File = new FilePlace("/a", 0) }, Read(4096)]);
        StartTrace bare = new(Blob, [Read(0), Read(8192)]);
        Assert.Equal(
            ["/a", $"{Blob.ToString()[..19]} at 8192", $"{Blob.ToString()[..19]} at 4096"],
            TraceDifference.Of(named, bare).Select(change => change.Name));
    }

    /// <summary>Pages of files.</summary>
    private static StartTrace Trace(params (string File, int Page)[] reads) => new(Blob, [.. reads.Select(read => Named(read.File, read.Page * 4096, 4096))]);

    private static TraceRead Named(string file, int offset, int length) =>
        new(Digest.Sha256(Encoding.UTF8.GetBytes(file)), offset, length, TimeSpan.Zero, false) { File = new FilePlace(file, offset) };

    private static TraceRead Read(int offset) => new(Blob, offset, 4096, TimeSpan.Zero, false);
}
