using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Storage.Fetching;

namespace Sluice.Storage.Disks;

/// <summary>
/// A block image: the device that a stack of OverlayBD layers makes, with zeros where none of them has data and up to the next 4096. Owns the
/// index and the readers, of which there is one for each layer, the lowest first.
/// </summary>
public sealed class BlockDisk : IDisk
{
    private const int SectorShift = 9;
    private const long PageSize = 4096;
    private const int SectorSize = LsmtExtent.SectorSize;

    /// <summary>Segments of one look-up; longer requests take several.</summary>
    private const int Segments = 16;

    private readonly Lock _looking = new(); // the index is native memory: it must not go while somebody walks through it
    private readonly MergedIndex _index;
    private readonly IReadOnlyList<BlobReader> _layers;
    private bool _disposed;

    /// <param name="name">Unique on the node.</param>
    /// <exception cref="InvalidFormatException">The index points out of a layer, or has another number of layers.</exception>
    public BlockDisk(string name, MergedIndex index, IReadOnlyList<BlobReader> layers)
    {
        if (index.LayerCount != layers.Count) throw new InvalidFormatException("overlaybd stack", $"an index of {index.LayerCount} layers for {layers.Count}");
        if (index.VirtualSize > LsmtLimits.MaxVirtualSize - PageSize) throw new InvalidFormatException("overlaybd stack", $"a device of {index.VirtualSize} bytes");
        foreach (ref readonly LsmtExtent extent in index.Extents)
        {
            if (!extent.IsZeroed && (extent.MappedOffset + extent.Length) << SectorShift > layers[extent.Layer].Format.Length)
                throw new InvalidFormatException("overlaybd stack", $"sector {extent.Offset} is mapped behind the end of layer {extent.Layer}");
        }

        (Name, _index, _layers) = (name, index, layers);
        Length = (index.VirtualSize + PageSize - 1) & -PageSize;
    }

    public string Name { get; }

    public long Length { get; }

    /// <summary>Always null: no file is laid out like this disk.</summary>
    public SafeFileHandle? CompleteFile => null;

    /// <summary>What the device shows counts, not what lower layers have and others hide.</summary>
    public bool IsLocal
    {
        get
        {
            foreach (ref readonly LsmtExtent extent in _index.Extents)
            {
                if (!extent.IsZeroed && !_layers[extent.Layer].Holds(extent.MappedOffset << SectorShift, (long)extent.Length << SectorShift)) return false;
            }

            return true;
        }
    }

    /// <inheritdoc/>
    /// <remarks>As with <see cref="IsLocal"/>, what the device shows counts. Nothing, when the disk is disposed: who looks at all images may meet one that is just closing.</remarks>
    public DiskFill Fill
    {
        get
        {
            lock (_looking)
            {
                DiskFill fill = default;
                if (_disposed) return fill;
                foreach (ref readonly LsmtExtent extent in _index.Extents)
                {
                    if (!extent.IsZeroed) fill += _layers[extent.Layer].Fill(extent.MappedOffset << SectorShift, (long)extent.Length << SectorShift);
                }

                return fill;
            }
        }
    }

    [SkipLocalsInit]
    public bool TryRead(long offset, Span<byte> destination)
    {
        if (!DiskRange.Contains(this, offset, destination.Length)) return false;
        Span<Segment> segments = stackalloc Segment[Segments];
        while (!destination.IsEmpty)
        {
            int count = Lookup(offset, destination.Length, segments, out int skipped);
            foreach (ref readonly Segment segment in segments[..count])
            {
                Span<byte> part = destination[..PartOf(segment, skipped, destination.Length)];
                if (segment.IsZeros) part.Clear();
                else if (!_layers[segment.Layer].TryRead((segment.MappedOffset << SectorShift) + skipped, part)) return false;
                destination = destination[part.Length..];
                offset += part.Length;
                skipped = 0;
            }
        }

        return true;
    }

    public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination)
    {
        if (!DiskRange.Contains(this, offset, destination.Length)) return ValueTask.FromResult(DiskError.Invalid);
        List<Task<DiskError>> waiting = [];
        DiskError error = Begin(offset, destination, waiting);
        return waiting.Count == 0
            ? ValueTask.FromResult(error)
            : _layers[0].Activity.WatchAsync(this, offset, destination.Length, DiskRange.EndAsync(waiting, error));
    }

    public void Dispose()
    {
        lock (_looking)
        {
            _disposed = true;
            foreach (BlobReader layer in _layers) layer.Dispose();
            _index.Dispose();
        }
    }

    /// <summary>Starts the reads of all layers at once: they fetch in parallel.</summary>
    private DiskError Begin(long offset, Memory<byte> destination, List<Task<DiskError>> waiting)
    {
        DiskError error = DiskError.None;
        Span<Segment> segments = stackalloc Segment[Segments];
        while (!destination.IsEmpty)
        {
            int count = Lookup(offset, destination.Length, segments, out int skipped);
            foreach (ref readonly Segment segment in segments[..count])
            {
                Memory<byte> part = destination[..PartOf(segment, skipped, destination.Length)];
                if (segment.IsZeros)
                {
                    part.Span.Clear();
                }
                else
                {
                    Task<DiskError> read = _layers[segment.Layer].ReadAsync((segment.MappedOffset << SectorShift) + skipped, part).AsTask();
                    if (!read.IsCompletedSuccessfully) waiting.Add(read);
                    else if (read.Result != DiskError.None) error = read.Result;
                }

                destination = destination[part.Length..];
                offset += part.Length;
                skipped = 0;
            }
        }

        return error;
    }

    /// <param name="skipped">Bytes of the first segment in front of the offset.</param>
    private int Lookup(long offset, int length, Span<Segment> segments, out int skipped)
    {
        skipped = (int)(offset & (SectorSize - 1));
        return _index.Lookup(offset >> SectorShift, (int)((skipped + (long)length + SectorSize - 1) >> SectorShift), segments);
    }

    private static int PartOf(in Segment segment, int skipped, int wanted) => (int)Math.Min(((long)segment.Sectors << SectorShift) - skipped, wanted);
}
