using System.Runtime.InteropServices;

namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>
/// The log of a writable append-only layer (its "index" file): a header of 4096 bytes, then one entry for each write or
/// discard, in order. Later entries win; padding entries mean nothing.
/// </summary>
public static class LsmtLog
{
    /// <summary>Replays a part of the log.</summary>
    /// <param name="entries">Whole entries, in the order of the file. An entry that a crash cut off must be left out.</param>
    /// <param name="dataLength">Bytes of the data file: entries that point behind it are refused.</param>
    /// <exception cref="InvalidFormatException">An entry makes no sense. The index then holds what came before it.</exception>
    public static void Replay(ReadOnlySpan<byte> entries, long dataLength, LsmtMutableIndex index)
    {
        ArgumentNullException.ThrowIfNull(index);
        if (entries.Length % LsmtExtent.Bytes != 0) throw LsmtHeader.Error("a log ends within an entry");
        foreach (ref readonly LsmtExtent entry in MemoryMarshal.Cast<byte, LsmtExtent>(entries))
        {
            if (entry.Offset == LsmtExtent.InvalidOffset) continue;
            if (entry.Length == 0 || entry.End > LsmtExtent.InvalidOffset) throw LsmtHeader.Error($"a log entry of {entry.Length} sectors at sector {entry.Offset}");
            LsmtIndexReader.CheckMapping(entry, dataLength / LsmtExtent.SectorSize);
            index.Insert(new LsmtExtent(entry.Offset, entry.Length, entry.MappedOffset, entry.IsZeroed));
        }
    }

    /// <summary>Replays a whole log file.</summary>
    /// <returns>The log's header.</returns>
    /// <exception cref="InvalidFormatException">It is not a log, or is damaged. Half an entry at its end is what a crash leaves, and skipped.</exception>
    public static LsmtHeader ReplayFile(ReadOnlySpan<byte> file, long dataLength, LsmtMutableIndex index)
    {
        LsmtHeader header = LsmtHeader.Read(file);
        if ((header.Flags & (LsmtFlags.Header | LsmtFlags.DataFile)) != LsmtFlags.Header) throw LsmtHeader.Error("this is not the log of a writable layer");
        ReadOnlySpan<byte> entries = file[LsmtHeader.Size..];
        Replay(entries[..^(entries.Length % LsmtExtent.Bytes)], dataLength, index);
        return header;
    }

    /// <summary>
    /// The extents of a sparse writable layer, whose data file is the device behind the header: sector n is at byte 4096 + 512 n.
    /// </summary>
    /// <param name="start">Bytes from the start of the data file to data, as SEEK_DATA finds it.</param>
    /// <param name="end">Bytes to the hole behind it, as SEEK_HOLE finds it.</param>
    public static void AddSparse(long start, long end, LsmtMutableIndex index)
    {
        ArgumentNullException.ThrowIfNull(index);
        const int header = LsmtHeader.Size / LsmtExtent.SectorSize;
        long from = Math.Max(start / LsmtExtent.SectorSize, header);
        long to = (end + LsmtExtent.SectorSize - 1) / LsmtExtent.SectorSize;
        for (long sector = from; sector < to; sector += LsmtExtent.MaxLength)
        {
            index.Insert(new LsmtExtent(sector - header, (int)Math.Min(LsmtExtent.MaxLength, to - sector), sector));
        }
    }
}
