using System.Runtime.InteropServices;
using Sluice.Formats;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>What the log of an upper says when it is opened.</summary>
internal sealed class UpperState
{
    private const int ChunkSize = 256 << 10;

    public LsmtMutableIndex Index { get; } = new();

    /// <summary>Bytes of the log that count; the rest is the torn tail of its last flush.</summary>
    public long LogEnd { get; private set; } = LsmtHeader.Size;

    /// <summary>To the end of the furthest data, in bytes.</summary>
    public long VirtualSize { get; private set; }

    /// <summary>Sectors of the data file, header included, that entries point to.</summary>
    public long DataEnd { get; private set; } = LsmtHeader.Size / LsmtExtent.SectorSize;

    /// <summary>Replays a log to its end, or to the tail that a power cut tore.</summary>
    /// <remarks>
    /// A torn tail begins with an entry of zeros (a sector that was not written before the file grew), with half an entry, or with
    /// one that points behind the data. It is no longer than what one flush writes; with more behind it, the file is damaged.
    /// </remarks>
    /// <param name="dataLength">Bytes of the data file.</param>
    /// <exception cref="InvalidFormatException">The log is damaged.</exception>
    /// <exception cref="SluiceException">It can't be read.</exception>
    public static UpperState Replay(IUpperFile log, long dataLength)
    {
        var state = new UpperState();
        long length = UpperHeaders.Length(log);
        byte[] chunk = new byte[ChunkSize];
        while (state.LogEnd + LsmtExtent.Bytes <= length)
        {
            var taken = (int)Math.Min(ChunkSize, (length - state.LogEnd) & -LsmtExtent.Bytes);
            UpperHeaders.Check(log.Read(state.LogEnd, chunk.AsSpan(0, taken)), "the log can't be read");
            int good = state.CountWhole(MemoryMarshal.Cast<byte, LsmtExtent>(chunk.AsSpan(0, taken)), dataLength / LsmtExtent.SectorSize);
            LsmtLog.Replay(chunk.AsSpan(0, good * LsmtExtent.Bytes), dataLength, state.Index);
            state.LogEnd += good * LsmtExtent.Bytes;
            if (good * LsmtExtent.Bytes < taken) break;
        }

        const int longestTail = PendingLog.Capacity * LsmtExtent.Bytes;
        if (length - state.LogEnd > longestTail) throw new InvalidFormatException("lsmt", "the log is damaged before its end", state.LogEnd);
        return state;
    }

    /// <summary>Entries were written behind the log, and are in the index.</summary>
    public void Extend(ReadOnlySpan<LsmtExtent> entries)
    {
        LogEnd += MemoryMarshal.AsBytes(entries).Length;
        foreach (ref readonly LsmtExtent entry in entries) VirtualSize = Math.Max(VirtualSize, entry.End * LsmtExtent.SectorSize);
    }

    /// <summary>Takes over entries of writes that a killed process had acknowledged and not flushed, and makes them durable.</summary>
    /// <returns>False if they don't fit the data file, which a kill can't be the reason of: nothing was taken then.</returns>
    /// <exception cref="SluiceException">The files can't be written.</exception>
    public bool TakeOver(IUpperFile data, IUpperFile log, LsmtExtent[] entries)
    {
        if (entries.Length == 0) return true;
        long dataEnd = UpperHeaders.Length(data) / LsmtExtent.SectorSize;
        foreach (ref readonly LsmtExtent entry in entries.AsSpan())
        {
            if (entry.Length == 0 || entry.End > LsmtExtent.InvalidOffset || entry.MappedOffset + (entry.IsZeroed ? 0 : entry.Length) > dataEnd) return false;
        }

        CountWhole(entries, dataEnd);
        foreach (ref readonly LsmtExtent entry in entries.AsSpan()) Index.Insert(entry);
        UpperHeaders.Check(data.Sync(), "the data can't be synced");
        UpperHeaders.Check(log.Write(LogEnd, MemoryMarshal.AsBytes<LsmtExtent>(entries)), "the log can't be written");
        UpperHeaders.Check(log.Sync(), "the log can't be synced");
        Extend(entries);
        return true;
    }

    private int CountWhole(ReadOnlySpan<LsmtExtent> entries, long dataEnd)
    {
        for (int i = 0; i < entries.Length; i++)
        {
            LsmtExtent entry = entries[i];
            if (entry == default) return i;
            if (entry.Offset == LsmtExtent.InvalidOffset) continue;
            long mappedEnd = entry.MappedOffset + (entry.IsZeroed ? 0 : entry.Length);
            if (mappedEnd > dataEnd) return i;
            DataEnd = Math.Max(DataEnd, mappedEnd);
            if (!entry.IsZeroed) VirtualSize = Math.Max(VirtualSize, entry.End * LsmtExtent.SectorSize);
        }

        return entries.Length;
    }
}
