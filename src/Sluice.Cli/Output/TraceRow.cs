using System.Globalization;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Output;

/// <summary>Reads of a start that belong together: those of a file, or from a source.</summary>
/// <param name="Reads">By time.</param>
internal sealed record TraceRow(string Name, IReadOnlyList<TraceRead> Reads)
{
    private const string NoFile = "(file not known)";
    private const string Cache = "cache";

    public TimeSpan First => Reads[0].At;

    public TimeSpan Last => Reads[^1].At;

    public long Bytes { get; } = Reads.Sum(read => (long)read.Length);

    /// <summary>Chunks that had to be waited for.</summary>
    public int WaitedFor => Reads.Count(read => !read.WasHere);

    /// <summary>Seconds in which one of them waited.</summary>
    public string Waited => TraceWaits.Of(Reads) is { } waited ? Seconds(waited) : "-";

    /// <summary>File by file, in the order of their first reads.</summary>
    public static IReadOnlyList<TraceRow> Files(StartTrace trace) => Group(trace, read => read.File?.Path ?? NoFile);

    /// <summary>The same, and if there are more than <paramref name="most"/>, the others as one.</summary>
    public static IReadOnlyList<TraceRow> Files(StartTrace trace, int most)
    {
        IReadOnlyList<TraceRow> files = Files(trace);
        if (files.Count <= most) return files;
        HashSet<TraceRow> largest = [.. files.OrderByDescending(file => file.Bytes).Take(most - 1)];
        TraceRow[] others = [.. files.Where(file => !largest.Contains(file))];
        return [.. files.Where(largest.Contains), new TraceRow($"({others.Length} other files)", [.. others.SelectMany(file => file.Reads).OrderBy(read => read.At)])];
    }

    /// <summary>The cache, also if nothing came from it, and behind it source by source, those of most bytes first.</summary>
    public static IReadOnlyList<TraceRow> Sources(StartTrace trace)
    {
        ILookup<bool, TraceRow> sources = Group(trace, SourceOf).ToLookup(source => source.Name == Cache);
        return [sources[true].FirstOrDefault() ?? new TraceRow(Cache, []), .. sources[false].OrderByDescending(source => source.Bytes)];
    }

    /// <summary>The numbers of their sources in <paramref name="sources"/>.</summary>
    public string NumbersIn(IReadOnlyList<TraceRow> sources)
    {
        HashSet<string> mine = [.. Reads.Select(SourceOf)];
        return string.Join(',', sources.Index().Where(source => mine.Contains(source.Item.Name)).Select(source => source.Index.ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>What people call the place that a read had its bytes from.</summary>
    public static string SourceOf(TraceRead read) => read.Source ?? (read.WasHere || read.Waited is not null ? Cache : TraceRead.SourceNotKnown);

    public static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);

    private static IReadOnlyList<TraceRow> Group(StartTrace trace, Func<TraceRead, string> name) => [.. trace.Reads.GroupBy(name, StringComparer.Ordinal).Select(group => new TraceRow(group.Key, [.. group]))];
}
