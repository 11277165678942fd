using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;
using Sluice.Node.Images;
using Sluice.Node.Starts;
using Sluice.Node.Tests.Support;
using Sluice.Storage.Images;
using Sluice.Storage.Traces;
using OverlayBdTraceFile = Sluice.Formats.OverlayBd.TraceFile;

namespace Sluice.Node.Tests.Starts;

/// <summary>What an image says itself that its start needs.</summary>
public sealed class IncludedStartTests
{
    private static readonly Digest Layer = Digest.Sha256("layer"u8);
    private static readonly RafsContent Rafs = new(new RafsImage { ChunkSize = 1 << 20, Root = Inode.NewDirectory() });
    private static readonly BlockContent Blocks = new(new BlockStack([new BlockStackLayer(Layer, Size: 1 << 20, PayloadOffset: 0, Length: 1 << 20, ZFile: null)], default));

    private readonly ListLogger _log = new();

    [Fact]
    public async Task ADamagedOneIsNoneAndTheLogSaysSo()
    {
        byte[] trace = OverlayBdTrace();
        trace[^1] ^= 1;
        Assert.Null(await ReadAsync(Blocks, trace));
        Assert.Null(await ReadAsync(Blocks, "bin/sh\n"u8.ToArray())); // no absolute path
        Assert.Null(await ReadAsync(Rafs, "{"u8.ToArray()));
        Assert.All(_log.Lines, line => Assert.Equal(105, line.Number));
        Assert.Equal(3, _log.Lines.Count);
        Assert.All(_log.Lines, line => Assert.StartsWith("What r.example/app:v1 says", line.Text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhatIsWholeIsRead()
    {
        Assert.Equal((Layer, 4096L, 512), Assert.Single((await ReadAsync(Blocks, OverlayBdTrace()))!.Reads.Select(read => (read.Blob, read.Offset, read.Length))));
        Assert.Null(await ReadAsync(Blocks, []));
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task ASourceThatIsAwayIsSaidAndAnEndIsNot()
    {
        Assert.Null(await ReadAsync(Blocks, "/bin/sh\n"u8.ToArray(), () => throw new SluiceException(SluiceError.Source, "registry r.example", "is away")));
        Assert.Contains("is away", Assert.Single(_log.Lines).Text, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ReadAsync(Blocks, "/bin/sh\n"u8.ToArray(), () => throw new TaskCanceledException()));
        Assert.Single(_log.Lines);
    }

    private static byte[] OverlayBdTrace() => OverlayBdTraceFile.Write([new TraceRecord('R', Layer: 0, Offset: 4096, Length: 512)]);

    private Task<StartTrace?> ReadAsync(ImageContent content, byte[] list, Func<Task<StoredImage>>? find = null)
    {
        LocalImage image = new(new ImageRecord("docker://r.example/app:v1", Digest.Sha256("image"u8), Layer, new Dictionary<string, long>()), "", content) { StartList = list };
        return IncludedStart.TryReadAsync("r.example/app:v1", image, find ?? (() => throw new InvalidOperationException("nobody asks")), _log, TestContext.Current.CancellationToken);
    }
}
