using Sluice.Formats;
using Sluice.Formats.Ext4;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Images;

/// <summary>
/// Reads the device of a remote OverlayBD image without a cache: for commands that look at an image or unpack it. Checked by the
/// checksums of the blocks, where the layers have them. Synchronous: the calling thread waits for the source. Not for concurrent use.
/// </summary>
public sealed class BlockContentReader(RemoteBlockImage image) : IBlockStore
{
    private const int BlockSize = 4096;
    private const int SectorsPerBlock = BlockSize / LsmtExtent.SectorSize;
    private const int MaxRead = 1 << 20;

    /// <summary>Metadata and content of some layers, in turns.</summary>
    private const int Windows = 16;

    private readonly BlobWindows _windows = new(image.Source, Windows);
    private readonly Segment[] _segments = new Segment[64];
    private readonly byte[] _scratch = new byte[64 << 10];

    /// <summary>Bytes that one fetch asks for at least: large where what lies behind will be read too.</summary>
    public int Window { get; set; }

    /// <summary>Compressed bytes fetched so far, the indexes included.</summary>
    public long BytesFetched => image.BytesFetched + _windows.BytesFetched;

    public long BlockCount => image.Index.VirtualSize / BlockSize;

    /// <summary>True if a layer has something in this block; others read as zeros.</summary>
    public bool Holds(long block)
    {
        int count = image.Index.Lookup(block * SectorsPerBlock, SectorsPerBlock, _segments);
        return _segments.AsSpan(0, count).ContainsAnyExcept(new Segment(0, SectorsPerBlock, Segment.Zeros));
    }

    /// <summary>Where a block is stored, to sort by what is cheapest to fetch: layer and sector in its file.</summary>
    public (int Layer, long Sector) PlaceOf(long block)
    {
        image.Index.Lookup(block * SectorsPerBlock, 1, _segments);
        return (_segments[0].Layer, _segments[0].MappedOffset);
    }

    /// <exception cref="SluiceException">The source failed, or a block is corrupt: the message names the layer.</exception>
    public void Read(long block, Span<byte> buffer)
    {
        long sector = block * SectorsPerBlock;
        while (!buffer.IsEmpty)
        {
            int count = image.Index.Lookup(sector, Math.Min(buffer.Length, MaxRead) / LsmtExtent.SectorSize, _segments);
            foreach (Segment segment in _segments.AsSpan(0, count))
            {
                Span<byte> target = buffer[..(segment.Sectors * LsmtExtent.SectorSize)];
                if (segment.IsZeros) target.Clear();
                else Read(segment, target);
                buffer = buffer[target.Length..];
                sector += segment.Sectors;
            }
        }
    }

    public void WriteData(long block, ReadOnlySpan<byte> bytes) => throw new NotSupportedException();

    public void WriteMetadata(long block, ReadOnlySpan<byte> bytes) => throw new NotSupportedException();

    public void Discard(long block, long count) => throw new NotSupportedException();

    private void Read(Segment segment, Span<byte> target)
    {
        RemoteBlockLayer remote = image.Layers[segment.Layer];
        BlockLayer layer = remote.Layer;
        long position = segment.MappedOffset * LsmtExtent.SectorSize;
        BlockLayerRange range = layer.Locate(position, target.Length);
        if (range.Offset < 0 || range.Offset + range.Length > remote.Descriptor.Size) throw Corrupt(remote, "data lies outside the blob", null);
        ReadOnlySpan<byte> stored = Fetch(remote, range.Offset, (int)range.Length);
        try
        {
            if (layer.ZFile is null) stored.CopyTo(target);
            else layer.ZFile.Decode(stored, range.Offset - layer.PayloadOffset, position, target, _scratch);
        }
        catch (InvalidFormatException exception)
        {
            throw Corrupt(remote, exception.Message, exception);
        }
    }

    private ReadOnlySpan<byte> Fetch(RemoteBlockLayer layer, long offset, int length)
    {
        long untilTail = layer.TailOffset - offset;
        if (untilTail <= 0) return layer.Tail.Span.Slice((int)-untilTail, length);
        ValueTask<ReadOnlyMemory<byte>> fetched = _windows.FetchAsync(layer.Descriptor.Digest, offset, length, (int)Math.Min(Window, untilTail), CancellationToken.None);
        return (fetched.IsCompletedSuccessfully ? fetched.Result : fetched.AsTask().GetAwaiter().GetResult()).Span;
    }

    private SluiceException Corrupt(RemoteBlockLayer layer, string message, Exception? inner) =>
        new(SluiceError.Image, image.Source.Name, $"layer {layer.Descriptor.Digest}: {message}", "the stored blob is damaged: push the image again", inner);
}
