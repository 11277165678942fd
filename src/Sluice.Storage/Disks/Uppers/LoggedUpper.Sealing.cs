using Sluice.Formats;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Disks.Uppers;

/// <content>How it becomes a read-only one, and layers.</content>
public abstract partial class LoggedUpper
{
    /// <summary>User tag of the log of an upper that was sealed as it is: the log is needed to read it.</summary>
    private protected const string SealedTag = "sealed";

    public int Parts => Math.Max(1, (ExtentCount + LsmtCommit.MaxExtents - 1) / LsmtCommit.MaxExtents);

    /// <summary>
    /// Flushes, and makes the upper a read-only one for good; its files can't be opened for writing after that. A power cut within leaves
    /// either a sealed upper or the upper as it was.
    /// </summary>
    public abstract UpperError Seal();

    public LsmtHeader Commit(Stream output, LsmtLayerOptions options, int part = 0)
    {
        ArgumentNullException.ThrowIfNull(options);
        lock (_writing)
        {
            if (_disposed) throw new SluiceException(SluiceError.Runtime, $"upper {Header.Uuid}", "its disk was closed before it was committed", "was the container removed meanwhile?");
            ArraySegment<LsmtExtent> all = Extents();
            ArraySegment<LsmtExtent> extents = all[Math.Min(part * LsmtCommit.MaxExtents, all.Count)..Math.Min((part + 1) * LsmtCommit.MaxExtents, all.Count)];
            return LsmtCommit.Write(extents, ReadForCommit, output, options with { DetectZeros = options.DetectZeros && extents.Count <= LsmtCommit.MaxExtentsWithZeros });
        }
    }

    /// <summary>Runs something while nobody writes and everything is durable.</summary>
    private protected UpperError WhenFlushed(Func<UpperError> action)
    {
        lock (_flushing)
        {
            // With the writers shut out, one flush is enough.
            lock (_writing)
            {
                if (IsSealed) return UpperError.ReadOnly;
                if (_disposed) return UpperError.InputOutput;
                UpperError error = FlushWhileLocked();
                if (error != UpperError.None) return error;
                error = action();

                // A full disk is found by writing; anything else may be a failed sync.
                if (error is not (UpperError.None or UpperError.NoSpace)) _failed = true;
                if (_failed) _pending.Invalidate();
                return error;
            }
        }
    }

    /// <summary>Makes the upper a read-only one as it is, with its log in place of an index in the data file.</summary>
    private protected UpperError Freeze()
    {
        UpperError error = Tag(SealedTag);
        IsSealed = error == UpperError.None;
        return error;
    }

    /// <summary>Gives the log another user tag, durable when it returns.</summary>
    private protected UpperError Tag(string tag)
    {
        Span<byte> bytes = stackalloc byte[LsmtHeader.Size];
        (LsmtHeader.ForLog(Header) with { UserTag = tag }).Write(bytes);
        UpperError error = Log.Write(0, bytes);
        return error == UpperError.None ? Log.Sync() : error;
    }

    private protected LsmtExtent[] Extents()
    {
        lock (_lookup) return _index.ToArray();
    }

    private void ReadForCommit(byte layer, long mappedSector, Span<byte> data)
    {
        UpperError error = Data.Read(mappedSector * SectorSize, data);
        if (error != UpperError.None) throw new SluiceException(SluiceError.Disk, $"upper {Header.Uuid}", $"can't be read at sector {mappedSector} ({error})");
    }
}
