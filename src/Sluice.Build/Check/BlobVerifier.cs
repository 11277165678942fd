using Sluice.Build.Look;
using Sluice.Formats;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;

namespace Sluice.Build.Check;

/// <summary>Fetches all chunks that a RAFS image uses, in large windows, and verifies each against its digest. While one window is verified the next is on its way.</summary>
internal sealed class BlobVerifier(RemoteRafsImage image, Differences differences, Action<long> fetched)
{
    private const int WindowSize = 4 << 20;

    private byte[] _plain = [];

    /// <summary>Chunks whose digest was right.</summary>
    public long ChunksVerified { get; private set; }

    /// <summary>Chunks for which the image has neither digest nor checksum.</summary>
    public long ChunksUnverifiable { get; private set; }

    public long BytesFetched { get; private set; }

    public async Task RunAsync(CancellationToken cancellation)
    {
        var chunks = new ChunkInfoLoader(image);
        for (int blob = 0; blob < image.Image.Blobs.Count; blob++)
        {
            long before = chunks.BytesFetched;
            ChunkDecoder decoder = await chunks.OpenAsync(blob, cancellation);
            Count(chunks.BytesFetched - before);
            await VerifyAsync(blob, decoder, cancellation);
        }
    }

    private async Task VerifyAsync(int blob, ChunkDecoder decoder, CancellationToken cancellation)
    {
        byte[] current = [], next = [];
        Range window = NextWindow(decoder, 0);
        Task reading = FetchAsync(decoder, window, ref next, cancellation);
        while (window.FirstUnit < window.EndUnit)
        {
            await reading;
            (current, next) = (next, current);
            Range following = NextWindow(decoder, window.EndUnit);
            reading = FetchAsync(decoder, following, ref next, cancellation);
            try
            {
                for (int unit = window.FirstUnit; unit < window.EndUnit; unit++) Verify(blob, decoder, decoder.GetUnit(unit), current, window.Offset);
            }
            catch
            {
                await reading.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                throw;
            }

            window = following;
        }
    }

    private Task FetchAsync(ChunkDecoder decoder, Range window, ref byte[] buffer, CancellationToken cancellation)
    {
        if (window.Length == 0) return Task.CompletedTask;
        if (buffer.Length < window.Length) buffer = GC.AllocateUninitializedArray<byte>(window.Length);
        Count(window.Length);
        return image.Source.Store.ReadAsync(RemoteRafsImage.DigestOf(decoder.Blob), window.Offset, buffer.AsMemory(0, window.Length), cancellation);
    }

    /// <summary>The units from <paramref name="unit"/> on that lie in one window; <see cref="Range.EndUnit"/> is <see cref="Range.FirstUnit"/> at the end.</summary>
    private static Range NextWindow(ChunkDecoder decoder, int unit)
    {
        int first = unit;
        long start = 0, end = 0;
        for (; unit < decoder.UnitCount; unit++)
        {
            ChunkUnit candidate = decoder.GetUnit(unit);
            if (candidate.CompressedLength == 0) continue;
            if (end == 0) (start, end) = (candidate.CompressedOffset, candidate.CompressedEnd);
            else if (candidate.CompressedOffset < start || candidate.CompressedOffset > end + WindowSize || candidate.CompressedEnd - start > WindowSize) break;
            else end = Math.Max(end, candidate.CompressedEnd);
        }

        return new Range(first, unit, start, (int)(end - start));
    }

    private void Verify(int blob, ChunkDecoder decoder, in ChunkUnit unit, byte[] window, long windowStart)
    {
        if (unit.UncompressedLength == 0) return;
        ReadOnlySpan<byte> compressed = unit.CompressedLength == 0 ? default : window.AsSpan((int)(unit.CompressedOffset - windowStart), unit.CompressedLength);
        if (_plain.Length < unit.UncompressedLength) _plain = GC.AllocateUninitializedArray<byte>(Math.Max(unit.UncompressedLength, image.Image.ChunkSize));
        try
        {
            decoder.DecodeUnit(unit, compressed, _plain);
        }
        catch (InvalidFormatException exception)
        {
            Report(blob, decoder, unit.FirstChunk, exception.Message);
            return;
        }

        ChunkInfo[] listed = image.Image.Chunks[blob];
        for (int chunk = unit.FirstChunk; chunk < unit.EndChunk; chunk++)
        {
            // A table beside the bootstrap also knows chunks that no file uses and that nothing vouches for.
            if (chunk >= listed.Length || listed[chunk].UncompressedSize == 0) continue;
            ReadOnlySpan<byte> plain = _plain.AsSpan((int)(decoder[chunk].UncompressedOffset - unit.UncompressedOffset), decoder[chunk].UncompressedSize);
            ChunkVerdict verdict = decoder.Verify(chunk, plain);
            if (verdict == ChunkVerdict.Good) ChunksVerified++;
            else if (verdict == ChunkVerdict.Unverifiable) ChunksUnverifiable++;
            else Report(blob, decoder, chunk, "other content than its digest says");
        }
    }

    private void Report(int blob, ChunkDecoder decoder, int chunk, string what)
    {
        var reference = new ChunkReference(blob, chunk);
        string path = "";
        foreach (TreeEntry entry in TreeWalk.DepthFirst(image.Image.Root))
        {
            if (!entry.Inode.Chunks.Contains(reference)) continue;
            path = $", of {PrintableName.Of(entry.Path)}";
            break;
        }

        differences.Add($"blob {decoder.Blob.Id}", $"data of chunk {chunk}{path}", decoder[chunk].Digest.ToString(), what);
    }

    private void Count(long bytes)
    {
        BytesFetched += bytes;
        fetched(BytesFetched);
    }

    /// <summary>Units of a blob and the bytes that hold them.</summary>
    private readonly record struct Range(int FirstUnit, int EndUnit, long Offset, int Length);
}
