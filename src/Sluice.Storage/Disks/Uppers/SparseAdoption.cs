using System.Runtime.InteropServices;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>What is done when a sparse upper is opened about allocated blocks that its log does not know.</summary>
internal static class SparseAdoption
{
    private const int Header = LsmtHeader.Size / LsmtExtent.SectorSize;
    private const int Block = 4096;
    private const int BlockSectors = Block / LsmtExtent.SectorSize;

    /// <summary>Everything allocated is data. Writes the entries behind the place of the log's header, which makes them count.</summary>
    public static void TakeAll(IUpperFile data, IUpperFile log, UpperState state)
    {
        foreach ((long start, long end) in Runs(data)) LsmtLog.AddSparse(start, end, state.Index);
        Append(log, state, state.Index.ToArray());
    }

    /// <summary>Blocks with anything but zeros, of which no sector is data, are data.</summary>
    public static void TakeUnknown(IUpperFile data, IUpperFile log, UpperState state)
    {
        byte[] block = new byte[Block];
        List<LsmtExtent> taken = [];
        foreach ((long start, long end) in Runs(data))
        {
            for (long at = start & -Block; at < end; at += Block)
            {
                long sector = (at / LsmtExtent.SectorSize) - Header;
                var count = (int)Math.Min(BlockSectors, (end - at) / LsmtExtent.SectorSize);
                if (count == 0 || HasData(state.Index, sector, count)) continue;
                Span<byte> bytes = block.AsSpan(0, count * LsmtExtent.SectorSize);
                UpperHeaders.Check(data.Read(at, bytes), "the data can't be read");
                if (bytes.ContainsAnyExcept((byte)0)) taken.Add(new LsmtExtent(sector, count, sector + Header));
            }
        }

        foreach (LsmtExtent extent in taken) state.Index.Insert(extent);
        Append(log, state, [.. taken]);
    }

    /// <summary>What is allocated and not data becomes a hole, or zeros.</summary>
    public static void DropUnknown(IUpperFile data, UpperState state)
    {
        LsmtExtent[] known = [.. state.Index.ToArray().Where(extent => !extent.IsZeroed)];
        int next = 0;
        foreach ((long start, long end) in Runs(data))
        {
            long at = start;
            while (next < known.Length && EndOf(known[next]) <= start) next++;
            for (int i = next; i < known.Length && StartOf(known[i]) < end; i++)
            {
                Punch(data, at, StartOf(known[i]));
                at = Math.Max(at, EndOf(known[i]));
            }

            Punch(data, at, end);
        }
    }

    private static bool HasData(LsmtMutableIndex index, long sector, int count)
    {
        Span<LsmtExtent> found = stackalloc LsmtExtent[BlockSectors];
        int n = index.Lookup(sector, count, found);
        foreach (ref readonly LsmtExtent extent in found[..n])
        {
            if (!extent.IsZeroed) return true;
        }

        return false;
    }

    private static void Append(IUpperFile log, UpperState state, LsmtExtent[] entries)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes<LsmtExtent>(entries);
        UpperHeaders.Check(log.Write(state.LogEnd, bytes), "the log can't be written");
        UpperHeaders.Check(log.Sync(), "the log can't be synced");
        state.Extend(entries);
    }

    /// <summary>Allocated bytes behind the header.</summary>
    private static IEnumerable<(long Start, long End)> Runs(IUpperFile data)
    {
        for (long from = LsmtHeader.Size; ;)
        {
            UpperHeaders.Check(data.FindData(from, out long start, out long end), "holes can't be found");
            if (start == end) yield break;
            yield return (start, end);
            from = end;
        }
    }

    private static long StartOf(in LsmtExtent extent) => extent.MappedOffset * LsmtExtent.SectorSize;

    private static long EndOf(in LsmtExtent extent) => StartOf(extent) + ((long)extent.Length * LsmtExtent.SectorSize);

    private static void Punch(IUpperFile data, long from, long to)
    {
        if (from < to) UpperHeaders.Check(data.Punch(from, to - from), "unconfirmed data can't be dropped");
    }
}
