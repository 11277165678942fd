using System.Globalization;
using Sluice.Node.Explain;

namespace Sluice.Cli.Output;

/// <summary>What <c>sluice explain</c> says: one screen.</summary>
internal static class ExplainScreen
{
    private const int Label = 11;
    private const int Reason = 16;

    /// <param name="width">Columns.</param>
    public static void Print(Explanation explanation, TextWriter output, int width)
    {
        string image = explanation.Digest is { } digest ? $"{explanation.Image}  ({digest[..Math.Min(digest.Length, 19)]})" : explanation.Image;
        if (explanation.Container is { } container) Line(output, "container", container, width);
        Line(output, "image", image, width);
        Line(output, "verdict", explanation.Verdict, width);
        if (explanation.Start is { } start) Print(start, output, width);
        if (explanation.Reasons.Count > 0) output.WriteLine();
        foreach (SlowReason reason in explanation.Reasons)
        {
            string share = reason.Seconds is { } seconds ? $"{Seconds(seconds),9}{(explanation.Start is { Seconds: > 0 } all ? string.Create(CultureInfo.InvariantCulture, $"  {100 * seconds / all.Seconds,3:0} %") : "")}" : "";
            string head = $"{reason.Id,-Reason}{share}  ";
            IEnumerable<string> lines = Words.Wrap(reason.What, Math.Max(width - head.Length, 20), 0);
            foreach (string line in lines)
            {
                output.WriteLine($"{head}{line}");
                head = new string(' ', head.Length);
            }

            if (reason.Mend is not null) output.WriteLine($"{"",Reason}-> {reason.Mend}");
        }
    }

    private static void Print(StartFigures start, TextWriter output, int width)
    {
        output.WriteLine();
        output.WriteLine($"{string.Create(CultureInfo.InvariantCulture, $"{start.At:yyyy-MM-dd HH:mm:ss} UTC")}, {Seconds(start.Seconds)} to the last read that waited");
        int bar = Math.Clamp(width - 36, 10, 60);
        foreach (StartStage stage in start.Stages)
            output.WriteLine($"  {stage.Name,-Label}{Seconds(stage.At),9} {Seconds(stage.Seconds),9}  {Bar(stage, start.Seconds, bar)}".TrimEnd());
        output.WriteLine();
        string link = start.BytesPerSecond is { } rate ? $" at {ByteSize.Text((long)rate)}/s{(start.RoundTripSeconds is { } trip ? string.Create(CultureInfo.InvariantCulture, $", {1000 * trip:0.0} ms a round trip") : "")}" : "";
        Line(output, "waited", $"{Seconds(start.WaitedSeconds)} for {Words.Count(start.Misses, "read")} of {ByteSize.Text(start.AskedBytes)}; {Words.Count(start.Hits)} found their data here{(start.Errors > 0 ? $"; {start.Errors} failed" : "")}", width);
        Line(output, "fetched", $"{ByteSize.Text(start.FetchedBytes)}, compressed, in {Words.Count(start.Requests, "request")}{link}{(start.Failures > 0 ? $"; {start.Failures} failed" : "")}", width);
        if (start.BytesByCause.Count > 0) Line(output, "by cause", string.Join(", ", start.BytesByCause.OrderByDescending(cause => cause.Value).Select(cause => $"{cause.Key.Replace('_', '-')} {ByteSize.Text(cause.Value)}")), width);
        if (start.BytesBySource.Count > 0) Line(output, "by source", string.Join(", ", start.BytesBySource.OrderByDescending(source => source.Value).Select(source => $"{source.Key} {ByteSize.Text(source.Value)}")), width);
        if (start is { PrefetchedBytes: { } ahead, PrefetchUnreadBytes: { } unread }) Line(output, "ahead", TraceTable.Ahead(ahead, unread), width);
        if (start.FilesNote is { } note) Line(output, "files", note, width);
        if (start.Files.Count == 0) return;
        output.WriteLine();
        output.WriteLine($"  {"waited",9} {"reads",5} {"bytes",9}  slowest files");
        foreach (SlowFile file in start.Files) output.WriteLine($"  {Seconds(file.Seconds),9} {file.Reads,5} {ByteSize.Text(file.Bytes),9}  {Words.Fit(file.Path, width - 31)}");
    }

    private static void Line(TextWriter output, string label, string text, int width)
    {
        foreach (string line in Words.Wrap(text, width - Label, 0))
        {
            output.WriteLine($"{label,-Label}{line}");
            label = "";
        }
    }

    private static string Bar(StartStage stage, double whole, int width)
    {
        if (whole <= 0) return "";
        int from = (int)Math.Round(stage.At / whole * width), to = (int)Math.Round((stage.At + stage.Seconds) / whole * width);
        return new string(' ', Math.Clamp(from, 0, width - 1)) + new string('#', Math.Max(to - from, 1));
    }

    private static string Seconds(double seconds) => seconds < 10 ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0.000} s") : string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s");
}
