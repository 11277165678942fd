using Microsoft.Win32.SafeHandles;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Storage.Disks.Uppers;

namespace Sluice.Storage.Disks;

/// <summary>
/// A disk with a writable layer over it: what the uppers have wins, from the topmost down; what they discarded is zeros; the rest comes
/// from the disk below. Owns both. Its length is that of the writable layer, or of the disk below if the layer names none.
/// </summary>
/// <remarks>
/// After a write or discard that failed, as on a full local disk, none is done and no flush succeeds until the disk is opened again. A file system
/// whose writes fail here and there comes apart: one without a journal writes a directory's new index in place, over the old one, while the blocks
/// that it names are refused. So the disk stays as a crash at that moment would leave it.
/// </remarks>
public sealed class WritableDisk : IWritableDisk
{
    private const int SectorShift = 9;
    private const int SectorSize = LsmtExtent.SectorSize;
    private const long PageSize = 4096;

    /// <summary>Extents of one look-up; longer requests take several.</summary>
    private const int Extents = 16;

    private readonly IDisk _lower;
    private readonly UpperDirectory _directory;

    /// <summary>The error of the first write or discard that failed.</summary>
    private int _failure;

    /// <param name="name">Unique on the node.</param>
    public WritableDisk(string name, IDisk lower, UpperDirectory uppers)
    {
        (Name, _lower, _directory) = (name, lower, uppers);
        Length = uppers.VirtualSize == 0 ? lower.Length : (uppers.VirtualSize + PageSize - 1) & -PageSize;
    }

    public string Name { get; }

    public long Length { get; }

    /// <summary>Always null: no file is laid out like this disk.</summary>
    public SafeFileHandle? CompleteFile => null;

    /// <summary>Of the disk below: what was written is here in any case.</summary>
    DiskFill IDisk.Fill => _lower.Fill;

    public bool WantsFlush => _directory.Uppers[0].WantsFlush;

    public bool MayWait(long length) => _directory.Uppers[0].MayWait(length);

    /// <summary>What was sealed, the lowest first: see <see cref="UpperDirectory.Sealed"/>.</summary>
    public IReadOnlyList<IUpper> Sealed => _directory.Sealed;

    public bool TryRead(long offset, Span<byte> destination)
    {
        if (!DiskRange.Contains(this, offset, destination.Length)) return false;
        var gaps = new LocalGaps(this, destination);
        return Fill(_directory.Uppers, offset, 0, destination, ref gaps) == DiskError.None;
    }

    public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination)
    {
        if (!DiskRange.Contains(this, offset, destination.Length)) return ValueTask.FromResult(DiskError.Invalid);
        var gaps = new FetchedGaps(this, destination, []);
        DiskError error = Fill(_directory.Uppers, offset, 0, destination.Span, ref gaps);
        return gaps.Waiting.Count == 0 ? ValueTask.FromResult(error) : DiskRange.EndAsync(gaps.Waiting, error);
    }

    public DiskError Write(long offset, ReadOnlySpan<byte> data)
    {
        if (!IsRange(offset, data.Length)) return DiskError.Invalid;
        while (_failure == 0)
        {
            LoggedUpper top = _directory.Uppers[0];
            if (IsAnswer(top.Write(offset, data), top, out DiskError error)) return error;
        }

        return (DiskError)_failure;
    }

    public DiskError Discard(long offset, long length)
    {
        if (!IsRange(offset, length)) return DiskError.Invalid;
        while (_failure == 0)
        {
            LoggedUpper top = _directory.Uppers[0];
            if (IsAnswer(top.Discard(offset, length), top, out DiskError error)) return error;
        }

        return (DiskError)_failure;
    }

    public DiskError Flush()
    {
        // One that is being sealed is flushed by that; this waits for it.
        ReadOnlySpan<LoggedUpper> uppers = _directory.Uppers;
        UpperError error = UpperError.None;
        for (int i = uppers.Length - 1; i >= 0; i--)
        {
            if (!uppers[i].IsSealed && uppers[i].Flush() is var failure and not UpperError.None) error = failure;
        }

        return error == UpperError.None ? (DiskError)_failure : (DiskError)error;
    }

    /// <inheritdoc cref="UpperDirectory.Seal"/>
    public void Seal() => _directory.Seal();

    public void Dispose()
    {
        _directory.Dispose();
        _lower.Dispose();
    }

    /// <summary>False if the upper was sealed meanwhile, and another one takes the write.</summary>
    private bool IsAnswer(UpperError outcome, LoggedUpper upper, out DiskError error)
    {
        error = (DiskError)outcome;
        if (outcome == UpperError.ReadOnly && upper != _directory.Uppers[0]) return false;
        if (outcome != UpperError.None) Interlocked.CompareExchange(ref _failure, (int)outcome, 0);
        return true;
    }

    /// <summary>Fills a range from the uppers and hands the gaps below the last one on, up to the first error.</summary>
    /// <param name="position">Of the destination in the whole request.</param>
    private static DiskError Fill<TGaps>(ReadOnlySpan<LoggedUpper> uppers, long offset, int position, Span<byte> destination, ref TGaps gaps)
        where TGaps : struct, IGaps, allows ref struct
    {
        if (uppers.IsEmpty) return gaps.Fill(offset, position, destination.Length);
        Span<LsmtExtent> found = stackalloc LsmtExtent[Extents];
        DiskError error;
        for (int count = Extents; !destination.IsEmpty && count == Extents;)
        {
            long sector = offset >> SectorShift;
            count = uppers[0].Lookup(sector, ((offset + destination.Length + SectorSize - 1) >> SectorShift) - sector, found);
            foreach (ref readonly LsmtExtent extent in found[..count])
            {
                int gap = (int)Math.Max((extent.Offset << SectorShift) - offset, 0);
                if (gap > 0)
                {
                    error = Fill(uppers[1..], offset, position, destination[..gap], ref gaps);
                    if (error != DiskError.None) return error;
                    Advance(gap, ref offset, ref position, ref destination);
                }

                int skipped = (int)(offset - (extent.Offset << SectorShift));
                int taken = Math.Min((extent.Length << SectorShift) - skipped, destination.Length);
                error = (DiskError)uppers[0].Read(extent, skipped, destination[..taken]);
                if (error != DiskError.None) return error;
                Advance(taken, ref offset, ref position, ref destination);
            }
        }

        return destination.IsEmpty ? DiskError.None : Fill(uppers[1..], offset, position, destination, ref gaps);
    }

    private static void Advance(int count, ref long offset, ref int position, ref Span<byte> destination)
    {
        offset += count;
        position += count;
        destination = destination[count..];
    }

    private bool IsRange(long offset, long length) => ((offset | length) & (SectorSize - 1)) == 0 && offset >= 0 && length >= 0 && length <= Length && offset <= Length - length;

    /// <summary>What the disk below has of a range; the rest, which only the writable layer's size brings in, is zeros.</summary>
    private int LowerPart(long offset, int length) => (int)Math.Clamp(_lower.Length - offset, 0, length);

    /// <summary>What is done with parts of a request that no upper has.</summary>
    private interface IGaps
    {
        DiskError Fill(long offset, int position, int length);
    }

    /// <summary>Fills them with what is local. Any error stands for what is not.</summary>
    private readonly ref struct LocalGaps(WritableDisk disk, Span<byte> request) : IGaps
    {
        private readonly Span<byte> _request = request;

        public DiskError Fill(long offset, int position, int length)
        {
            Span<byte> destination = _request.Slice(position, length);
            int below = disk.LowerPart(offset, length);
            destination[below..].Clear();
            return below == 0 || disk._lower.TryRead(offset, destination[..below]) ? DiskError.None : DiskError.InputOutput;
        }
    }

    /// <summary>Fetches them, all at once.</summary>
    private readonly struct FetchedGaps(WritableDisk disk, Memory<byte> request, List<Task<DiskError>> waiting) : IGaps
    {
        public List<Task<DiskError>> Waiting => waiting;

        public DiskError Fill(long offset, int position, int length)
        {
            Memory<byte> destination = request.Slice(position, length);
            int below = disk.LowerPart(offset, length);
            destination.Span[below..].Clear();
            if (below == 0) return DiskError.None;
            ValueTask<DiskError> read = disk._lower.ReadAsync(offset, destination[..below]);
            if (read.IsCompletedSuccessfully) return read.Result;
            waiting.Add(read.AsTask());
            return DiskError.None;
        }
    }
}
