using Sluice.Formats;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>
/// The writable layer of a block disk: it takes what is written and says which sectors it has. Everything else comes from the
/// layers below, of which it knows nothing. Two kinds share this contract: <see cref="AppendUpper"/> and <see cref="SparseUpper"/>.
/// </summary>
/// <remarks>
/// <para>
/// A sector (512 bytes) is <i>data</i>, <i>zeroed</i> (discarded: hides what is below) or <i>absent</i>. All offsets and lengths
/// are whole sectors.
/// </para>
/// <para>
/// What is written is seen by lookups at once and durable when a later <see cref="Flush"/> returns <see cref="UpperError.None"/>.
/// After a power cut a sector that was written since the last flush holds what it held at that flush, or something that was
/// written or discarded there since; never anything else. The order that ensures it: data is written at once; a flush syncs the
/// data file, then appends the entries that point to that data to the log, then syncs the log. So no entry on the disk points to
/// data that isn't. A process that is killed loses the same as in a power cut, unless
/// the entries that were not flushed are in a <see cref="PendingFile"/>: then it loses nothing.
/// </para>
/// <para>
/// Errors are values. A write that fails (<see cref="UpperError.NoSpace"/>, <see cref="UpperError.InputOutput"/>) may have taken
/// effect for some of its sectors; later ones may succeed. A failed write of the log is repeated by the next flush. Only a failed
/// sync of the data is final, because the kernel then forgets which pages were lost (fsync(2), NOTES): from then on writes and
/// flushes fail, reads go on, and opening the files again gives the state of the last flush.
/// </para>
/// <para>
/// All members may be called concurrently. Disposing waits for flushes, writes and commits; after it they fail, and reads must not come any more. Writes follow one another; lookups and reads
/// wait for no I/O of others; writes go on while a flush waits for the disk. Writing allocates nothing on the collected heap.
/// </para>
/// </remarks>
public interface IUpper : IDisposable
{
    /// <summary>Of the data file, as created.</summary>
    LsmtHeader Header { get; }

    /// <summary>Bytes of the device: as created, or to the end of the furthest write. 0: takes the size of the layer below, nothing written yet.</summary>
    long VirtualSize { get; }

    /// <summary>Extents in the index.</summary>
    int ExtentCount { get; }

    /// <summary>How many layers <see cref="Commit"/> makes of it: more than one if it has more pieces than a layer may have. Of a sealed upper it never changes.</summary>
    int Parts { get; }

    /// <summary>Writes sectors, in pieces of up to 4 MiB; grows the device when they lie behind its end.</summary>
    /// <param name="offset">Bytes.</param>
    UpperError Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>Makes sectors zero, whatever layers below hold, and gives up their space where the kind can. Never grows the device.</summary>
    UpperError Discard(long offset, long length);

    /// <summary>Makes durable everything that was written or discarded before the call.</summary>
    UpperError Flush();

    /// <summary>What the upper has of a range of sectors, in order and cut to it; gaps are absent.</summary>
    /// <returns>How many were found. If all of <paramref name="extents"/>, there may be more behind the last one.</returns>
    int Lookup(long sector, long count, Span<LsmtExtent> extents);

    /// <summary>Reads what a lookup found. A sparse upper may return what was written in between, an append-only one doesn't.</summary>
    /// <param name="destination">The bytes of the whole extent; zeros if it is zeroed.</param>
    UpperError Read(in LsmtExtent extent, Span<byte> destination);

    /// <summary>
    /// Copies what the upper has into a committed layer, without overwritten data. Writes wait meanwhile; nothing is flushed,
    /// and the upper stays as it is.
    /// </summary>
    /// <param name="output">Written front to back; may be a compressor.</param>
    /// <param name="options">Of the layer; zeros are not looked for in one that is nearly full without them.</param>
    /// <param name="part">From 0 on, below <see cref="Parts"/>. Each part has a range of the device of its own.</param>
    /// <returns>The trailer of the layer.</returns>
    /// <exception cref="SluiceException"><see cref="SluiceError.Disk"/>: the files can't be read. What was written of the output is useless.</exception>
    LsmtHeader Commit(Stream output, LsmtLayerOptions options, int part = 0);
}
