using System.Diagnostics;
using System.Globalization;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Bench;

/// <summary>
/// Look-ups of random 4 KiB requests in the merged index of a block image beside a binary search over the same extents, trimming
/// and holes included in both; merging a stack of 50 layers. One core.
/// </summary>
/// <remarks>
/// <i>even</i>: extents of 4 to 128 KiB all over the device, requests anywhere. <i>clustered</i>: four dense clusters of extents of
/// 4 to 32 KiB with up to 256 GiB between them; every request is for an extent.
/// </remarks>
internal static class MergedLookups
{
    private const int Requests = 1 << 20;
    private const int RequestSectors = 8;
    private const int Rounds = 9;

    public static void Run()
    {
        Console.WriteLine($"{"extents",-22}{"index M/s",12}{"scalar M/s",12}{"binary M/s",12}{"ratio",8}");
        foreach (int count in (int[])[1_000, 10_000, 100_000, 1_000_000])
        {
            Compare($"{count} even", NewLayer(count, clustered: false), anywhere: true);
            Compare($"{count} clustered", NewLayer(count, clustered: true), anywhere: false);
        }

        MeasureMerge(4_500, 100);
        MeasureMerge(4_500, 500);
        MeasureMerge(4_500, 4_500);
    }

    private static void Compare(string name, LsmtExtent[] extents, bool anywhere)
    {
        using MergedIndexBuilder builder = new();
        builder.AddLayer(extents, 0);
        using MergedIndex index = builder.Build();
        extents = index.Extents.ToArray();
        long[] requests = NewRequests(extents, anywhere);
        List<double> mine = [];
        List<double> scalar = [];
        List<double> plain = [];
        for (int round = 0; round < Rounds; round++)
        {
            plain.Add(Time(requests, (offsets, result) => SearchAll(extents, offsets, result)));
            scalar.Add(Time(requests, (offsets, result) => ScalarAll(index, offsets, result)));
            mine.Add(Time(requests, (offsets, result) => LookupAll(index, offsets, result)));
        }

        double best = mine.Max();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-22}{best,12:F1}{scalar.Max(),12:F1}{plain.Max(),12:F1}{best / plain.Max(),8:F1}"));
    }

    /// <summary>Millions of requests per second.</summary>
    private static double Time(long[] requests, Func<long[], Segment[], long> lookup)
    {
        Segment[] result = new Segment[16];
        long start = Stopwatch.GetTimestamp();
        long sectors = lookup(requests, result);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return sectors == (long)RequestSectors * Requests ? Requests / seconds / 1e6 : throw new InvalidOperationException("not covered");
    }

    private static long LookupAll(MergedIndex index, long[] offsets, Segment[] result)
    {
        long sectors = 0;
        foreach (long offset in offsets)
            for (int i = index.Lookup(offset, RequestSectors, result) - 1; i >= 0; i--) sectors += result[i].Sectors;
        return sectors;
    }

    private static long ScalarAll(MergedIndex index, long[] offsets, Segment[] result)
    {
        long sectors = 0;
        foreach (long offset in offsets)
            for (int i = index.Lookup<ScalarSearch>(offset, RequestSectors, result) - 1; i >= 0; i--) sectors += result[i].Sectors;
        return sectors;
    }

    private static long SearchAll(LsmtExtent[] extents, long[] offsets, Segment[] result)
    {
        long sectors = 0;
        foreach (long offset in offsets)
            for (int i = BinarySearch(extents, offset, offset + RequestSectors, result) - 1; i >= 0; i--) sectors += result[i].Sectors;
        return sectors;
    }

    private static int BinarySearch(LsmtExtent[] extents, long offset, long end, Segment[] result)
    {
        int low = 0;
        int high = extents.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (extents[middle].End <= offset) low = middle + 1;
            else high = middle;
        }

        int count = 0;
        while (offset < end && count < result.Length)
        {
            LsmtExtent extent = low < extents.Length ? extents[low] : new LsmtExtent(LsmtExtent.InvalidOffset, 0, 0);
            bool hole = extent.Offset > offset;
            long stop = Math.Min(hole ? extent.Offset : extent.End, end);
            result[count++] = hole || extent.IsZeroed
                ? new Segment(0, (int)(stop - offset), Segment.Zeros)
                : new Segment(extent.MappedOffset + offset - extent.Offset, (int)(stop - offset), extent.Layer);
            offset = stop;
            if (!hole) low++;
        }

        return count;
    }

    private static void MeasureMerge(int baseCount, int upperCount)
    {
        LsmtExtent[][] layers = [NewLayer(baseCount, clustered: false), .. Enumerable.Range(1, 49).Select(seed => NewUpper(seed, upperCount, baseCount))];
        double best = double.MaxValue;
        int extents = 0;
        for (int round = 0; round < 200; round++)
        {
            long start = Stopwatch.GetTimestamp();
            using MergedIndexBuilder builder = new();
            foreach (LsmtExtent[] layer in layers) builder.AddLayer(layer, 0);
            using MergedIndex index = builder.Build();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            extents = index.Extents.Length;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"merge {baseCount} + 49 × {upperCount} extents to {extents}: {best:F2} ms"));
    }

    private static LsmtExtent[] NewLayer(int count, bool clustered)
    {
        Random random = new(7);
        LsmtExtent[] extents = new LsmtExtent[count];
        long offset = 0;
        long mapped = 8;
        for (int i = 0; i < count; i++)
        {
            if (clustered) offset += i % (count / 4) == 0 ? Math.Min(8000L * count, 1L << 29) : 8 * random.Next(3);
            else if (random.Next(10) < 3) offset += 8 * random.Next(1, 17);
            int length = 8 * random.Next(1, clustered ? 9 : 33);
            extents[i] = new LsmtExtent(offset, length, mapped, random.Next(20) == 0, 0);
            offset += length;
            mapped += length + 8;
        }

        return extents;
    }

    /// <summary>Small writes all over what the base covers.</summary>
    private static LsmtExtent[] NewUpper(int seed, int count, int baseCount)
    {
        Random random = new(seed);
        long[] offsets = [.. Enumerable.Range(0, count).Select(_ => random.NextInt64(baseCount * 18L) * 8).Distinct().Order()];
        return [.. offsets.Select((offset, i) => new LsmtExtent(offset, 8, 8 + (9L * i)))];
    }

    private static long[] NewRequests(LsmtExtent[] extents, bool anywhere)
    {
        Random random = new(3);
        long places = extents[^1].End / RequestSectors;
        long[] requests = new long[Requests];
        for (int i = 0; i < requests.Length; i++)
        {
            LsmtExtent extent = extents[random.Next(extents.Length)];
            requests[i] = anywhere ? random.NextInt64(places) * RequestSectors : extent.Offset + (random.Next(extent.Length / RequestSectors) * RequestSectors);
        }

        return requests;
    }
}
