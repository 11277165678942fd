using System.Globalization;
using Sluice.Node.Explain;

namespace Sluice.Cli.Output;

/// <summary>What <c>sluice explain</c> says: one screen. <c>--json</c> has what does not fit.</summary>
internal static class ExplainScreen
{
    /// <summary>Lines, where there are at least 80 columns and no name is longer than a line.</summary>
    public const int Height = 40;

    private const int Label = 11;
    private const int Reason = 16;
    private const int MostSources = 3;
    private const int FewestFiles = 3;

    /// <param name="width">Columns.</param>
    public static void Print(Explanation explanation, TextWriter output, int width)
    {
        string image = explanation.Digest is { } digest ? $"{explanation.Image}  ({digest[..Math.Min(digest.Length, 19)]})" : explanation.Image;
        List<string> lines = [];
        if (explanation.Container is { } container) lines.AddRange(Labelled("container", container, width));
        lines.AddRange(Labelled("image", image, width));
        lines.AddRange(Labelled("verdict", explanation.Verdict, width));
        if (explanation.Start is { } start) lines.AddRange(Figures(start, width));
        int room = Height - lines.Count - 3 /* empty lines and a heading */;
        List<string> reasons = [];
        foreach (List<string> reason in explanation.Reasons.Select(reason => Because(reason, explanation.Start, width).ToList()))
        {
            if (reasons.Count > 0 && reasons.Count + reason.Count + FewestFiles > room) break;
            reasons.AddRange(reason);
        }

        room = Math.Max(room - reasons.Count, FewestFiles);
        if (explanation.Start is { Files.Count: > 0 } slow) lines.AddRange(["", $"  {"waited",9} {"reads",5} {"bytes",9}  slowest files", .. slow.Files.Take(room).Select(file => Row(file, width))]);
        if (reasons.Count > 0) lines.AddRange(["", .. reasons]);
        foreach (string line in lines) output.WriteLine(line);
    }

    private static IEnumerable<string> Figures(StartFigures start, int width)
    {
        int bar = Math.Clamp(width - 36, 10, 60);
        string link = start.BytesPerSecond is { } rate ? $" at {ByteSize.Text((long)rate)}/s{(start.RoundTripSeconds is { } trip ? string.Create(CultureInfo.InvariantCulture, $", {1000 * trip:0.0} ms a round trip") : "")}" : "";
        return
        [
            "",
            $"{string.Create(CultureInfo.InvariantCulture, $"{start.At:yyyy-MM-dd HH:mm:ss} UTC")}, {Seconds(start.Seconds)} to the last read that waited",
            .. start.Stages.Select(stage => $"  {stage.Name,-Label}{Seconds(stage.At),9} {Seconds(stage.Seconds),9}  {Bar(stage, start.Seconds, bar)}".TrimEnd()),
            "",
            .. Labelled("waited", $"{Seconds(start.WaitedSeconds)} for {Words.Count(start.Misses, "read")} of {ByteSize.Text(start.AskedBytes)}; {Words.Count(start.Hits)} found their data here{(start.Errors > 0 ? $"; {start.Errors} failed" : "")}", width),
            .. Labelled("fetched", $"{ByteSize.Text(start.FetchedBytes)}, compressed, in {Words.Count(start.Requests, "request")}{link}{(start.Failures > 0 ? $"; {start.Failures} failed" : "")}", width),
            .. start.BytesByCause.Count > 0 ? Labelled("by cause", Shares(start.BytesByCause, name => name.Replace('_', '-'), start.BytesByCause.Count), width) : [],
            .. start.BytesBySource.Count > 0 ? Labelled("by source", Shares(start.BytesBySource, name => name, MostSources), width) : [],
            .. start is { PrefetchedBytes: { } ahead, PrefetchUnreadBytes: { } unread } ? Labelled("ahead", TraceTable.Ahead(ahead, unread), width) : [],
            .. start.FilesNote is { } note ? Labelled("files", note, width) : [],
        ];
    }

    private static IEnumerable<string> Because(SlowReason reason, StartFigures? start, int width)
    {
        string share = reason.Seconds is { } seconds ? $"{Seconds(seconds),9}{(start is { Seconds: > 0 } all ? string.Create(CultureInfo.InvariantCulture, $"  {100 * seconds / all.Seconds,3:0} %") : "")}" : "";
        string head = $"{reason.Id,-Reason}{share}  ";
        int columns = Math.Max(width - head.Length, 20);
        IEnumerable<string> lines = Words.Wrap(Words.Fit(reason.What, 2 * columns), columns, 0).Select((line, number) => (number == 0 ? head : new string(' ', head.Length)) + line);
        return reason.Mend is { } mend ? [.. lines, .. Words.Wrap("-> " + mend, width - Reason, 3).Select(line => $"{"",Reason}{line}")] : lines;
    }

    private static string Row(SlowFile file, int width) => $"  {Seconds(file.Seconds),9} {file.Reads,5} {ByteSize.Text(file.Bytes),9}  {Words.Fit(file.Path, width - 31)}";

    /// <summary>The largest, and the others together.</summary>
    private static string Shares(IReadOnlyDictionary<string, long> bytes, Func<string, string> name, int most)
    {
        KeyValuePair<string, long>[] ordered = [.. bytes.OrderByDescending(share => share.Value)];
        IEnumerable<string> shares = ordered.Take(most).Select(share => $"{name(share.Key)} {ByteSize.Text(share.Value)}");
        return string.Join(", ", ordered.Length > most ? shares.Append($"{ordered.Length - most} others {ByteSize.Text(ordered.Skip(most).Sum(share => share.Value))}") : shares);
    }

    private static IEnumerable<string> Labelled(string label, string text, int width) => Words.Wrap(text, width - Label, 0).Select((line, number) => $"{(number == 0 ? label : ""),-Label}{line}");

    private static string Bar(StartStage stage, double whole, int width)
    {
        if (whole <= 0) return "";
        int from = (int)Math.Round(stage.At / whole * width), to = (int)Math.Round((stage.At + stage.Seconds) / whole * width);
        return new string(' ', Math.Clamp(from, 0, width - 1)) + new string('#', Math.Max(to - from, 1));
    }

    private static string Seconds(double seconds) => seconds < 10 ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0.000} s") : string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s");
}
