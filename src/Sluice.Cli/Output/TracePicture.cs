using System.Globalization;
using System.Net;
using System.Text;
using Sluice.Node.Admin;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Output;

/// <summary>
/// A trace as a picture (SVG) that needs nothing from elsewhere: time from left to right; on top how many bytes were read by when, by source; below it a line for each file, with a block where a read had its bytes, in the colour of their
/// source, and before it a bar as long as the read waited.
/// </summary>
internal sealed class TracePicture
{
    /// <summary>Files with a line of their own; the others share one.</summary>
    public const int MostFiles = 60;

    /// <summary>Of the time, in pixels, and where it begins.</summary>
    public const int Width = 1000, Left = 330;

    private const int Right = 70, RowHeight = 17, CurveTop = 96, CurveHeight = 130, RowsTop = CurveTop + CurveHeight + 16, LongestName = 52;

    /// <summary>Blocks this near are drawn as one.</summary>
    private const double Nearest = 2.5;

    private const string Style = """
        text { font: 11px system-ui, sans-serif; fill: #1b2733 } .title { font-size: 19px; font-weight: 600 } .soft { fill: #6b7b8b } .grid { stroke: #e6ebf0 } .wait { fill: #f0943f }
        .s0 { fill: #a9b6c3 } .s1 { fill: #2f7fd0 } .s2 { fill: #2a9d6f } .s3 { fill: #8a5fc7 } .s4 { fill: #c2518b } .s5 { fill: #12939a } .row:hover text { font-weight: 600 } .row .line { fill: transparent } .row:hover .line { fill: #f1f5f9 }
        """;

    private const int Colours = 6;

    private readonly StringBuilder _svg = new();
    private readonly ImageTrace _trace;
    private readonly IReadOnlyList<TraceRow> _sources;
    private readonly Dictionary<string, int> _numbers;
    private readonly double _end;

    private TracePicture(ImageTrace trace)
    {
        _trace = trace;
        _sources = TraceRow.Sources(trace.Trace);
        _numbers = _sources.Index().ToDictionary(source => source.Item.Name, source => source.Index, StringComparer.Ordinal);
        _end = EndOf(trace.Trace);
    }

    /// <summary>Seconds at the right end.</summary>
    public static double EndOf(StartTrace trace) => Math.Max(trace.Length.TotalSeconds, 0.001);

    public static string Write(ImageTrace trace) => new TracePicture(trace).Write();

    private string Write()
    {
        IReadOnlyList<TraceRow> rows = TraceRow.Files(_trace.Trace, MostFiles);
        int height = RowsTop + (rows.Count * RowHeight) + 12;
        _svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Left + Width + Right} {height}\" role=\"img\" aria-label=\"Start of {Escape(_trace.Image)}\">\n<style>\n{Style}\n</style>\n");
        _svg.Append(CultureInfo.InvariantCulture, $"<rect width=\"{Left + Width + Right}\" height=\"{height}\" fill=\"#fff\"/>\n");
        AppendHead();
        AppendGrid(height);
        AppendCurve();
        foreach ((int index, TraceRow row) in rows.Index()) AppendRow(row, RowsTop + (index * RowHeight));
        return _svg.Append("</svg>\n").ToString();
    }

    private void AppendHead()
    {
        string command = _trace.Trace.Command is { } started ? $", started with {started.Program}" : "";
        _svg.Append(CultureInfo.InvariantCulture, $"<text class=\"title\" x=\"12\" y=\"26\">{Escape(_trace.Image)}</text>\n<text class=\"soft\" x=\"12\" y=\"46\">{Escape(TraceTable.Summary(_trace.Trace) + command)}</text>\n");
        double x = 12;
        foreach ((int index, TraceRow source) in _sources.Index().Where(source => source.Item.Bytes > 0)) AppendLegend(ref x, Colour(index), $"{source.Name}: {ByteSize.Text(source.Bytes)}");
        if (_trace.Trace.Reads.Any(read => read.Waited > TimeSpan.Zero)) AppendLegend(ref x, "wait", "a read waits");
    }

    private void AppendLegend(ref double x, string colour, string text)
    {
        _svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"{colour}\" x=\"{x:0.#}\" y=\"57\" width=\"10\" height=\"10\" rx=\"2\"/><text x=\"{x + 15:0.#}\" y=\"66\">{Escape(text)}</text>\n");
        x += 39 + (6.2 * text.Length);
    }

    private void AppendGrid(int height)
    {
        double step = StepOf(_end);
        for (int line = 0; line * step <= _end; line++)
        {
            double x = Left + (Width * line * step / _end);
            _svg.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{x:0.#}\" x2=\"{x:0.#}\" y1=\"{CurveTop}\" y2=\"{height - 10}\"/><text class=\"soft\" x=\"{x:0.#}\" y=\"{CurveTop - 7}\" text-anchor=\"middle\">{line * step:0.####} s</text>\n");
        }
    }

    /// <summary>1, 2 or 5 of some power of ten: at most ten lines.</summary>
    private static double StepOf(double end)
    {
        double unit = Math.Pow(10, Math.Floor(Math.Log10(end / 10)));
        return unit * ((end / 10 / unit) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
    }

    /// <summary>An area for each source, one upon the other.</summary>
    private void AppendCurve()
    {
        long[][] bytes = [.. _sources.Select(source => BytesBy(source.Reads, _end))];
        long[] below = new long[Width + 1];
        _svg.Append(CultureInfo.InvariantCulture, $"<text class=\"soft\" x=\"{Left - 8}\" y=\"{CurveTop + 10}\" text-anchor=\"end\">{ByteSize.Text(_trace.Trace.Bytes)} read</text>\n");
        foreach ((int index, TraceRow source) in _sources.Index())
        {
            long[] above = [.. below.Zip(bytes[index], (one, other) => one + other)];
            _svg.Append(CultureInfo.InvariantCulture, $"<path class=\"area {Colour(index)}\" d=\"M{Left} {Y(0)}");
            AppendSteps(above, 0, Width);
            _svg.Append(CultureInfo.InvariantCulture, $"L{Left + Width} {Y(below[Width])}");
            AppendSteps(below, Width, 0);
            _svg.Append(CultureInfo.InvariantCulture, $"Z\"><title>{Escape(source.Name)}: {ByteSize.Text(source.Bytes)}</title></path>\n");
            below = above;
        }
    }

    private void AppendSteps(long[] bytes, int from, int to)
    {
        int step = Math.Sign(to - from);
        for (int x = from; x != to + step; x += step)
        {
            bool turns = x == from || x == to || bytes[x] != bytes[x - 1] || bytes[x] != bytes[x + 1];
            if (turns) _svg.Append(CultureInfo.InvariantCulture, $"L{Left + x} {Y(bytes[x])}");
        }
    }

    /// <summary>How much was served until each pixel.</summary>
    public static long[] BytesBy(IEnumerable<TraceRead> reads, double end)
    {
        long[] bytes = new long[Width + 1];
        foreach (TraceRead read in reads) bytes[Math.Min(Width, (int)Math.Ceiling(Width * read.Served.TotalSeconds / end))] += read.Length; // of the last it may be rounded up
        for (int x = 1; x <= Width; x++) bytes[x] += bytes[x - 1];
        return bytes;
    }

    private void AppendRow(TraceRow row, int y)
    {
        string name = row.Name.Length <= LongestName ? row.Name : "…" + row.Name[^(LongestName - 1)..];
        _svg.Append(CultureInfo.InvariantCulture, $"<g class=\"row\" data-name=\"{Escape(row.Name)}\"><rect class=\"line\" x=\"0\" y=\"{y}\" width=\"{Left + Width + Right}\" height=\"{RowHeight}\"/><text x=\"{Left - 8}\" y=\"{y + 12}\" text-anchor=\"end\">{Escape(name)}</text>");
        AppendWaits(row, y);
        foreach (IGrouping<string, TraceRead> source in row.Reads.GroupBy(TraceRow.SourceOf, StringComparer.Ordinal)) AppendBlocks(row.Name, source.Key, [.. source.OrderBy(read => read.Served)], y);
        _svg.Append(CultureInfo.InvariantCulture, $"<text class=\"soft\" x=\"{Left + Width + 8}\" y=\"{y + 12}\">{ByteSize.Text(row.Bytes)}</text></g>\n");
    }

    private void AppendWaits(TraceRow row, int y)
    {
        foreach (IGrouping<(TimeSpan At, TimeSpan Served), TraceRead> wait in row.Reads.Where(read => read.Waited > TimeSpan.Zero).GroupBy(read => (read.At, read.Served)))
        {
            (TimeSpan at, TimeSpan served) = wait.Key;
            _svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"wait\" x=\"{X(at):0.#}\" y=\"{y + 6}\" width=\"{Math.Max(X(served) - X(at), 0.5):0.#}\" height=\"5\"><title>{Escape(row.Name)}: after {TraceRow.Seconds(at)} s, waits {(served - at).TotalMilliseconds:0.#} ms</title></rect>");
        }
    }

    private void AppendBlocks(string file, string source, TraceRead[] reads, int y)
    {
        for (int first = 0, next; first < reads.Length; first = next)
        {
            next = first + 1;
            while (next < reads.Length && X(reads[next].Served) - X(reads[next - 1].Served) < Nearest) next++;
            ReadOnlySpan<TraceRead> block = reads.AsSpan(first, next - first);
            long bytes = 0;
            foreach (TraceRead read in block) bytes += read.Length;
            double x = X(block[0].Served);
            _svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"{Colour(_numbers[source])}\" x=\"{x:0.#}\" y=\"{y + 3}\" width=\"{X(block[^1].Served) - x + Nearest:0.#}\" height=\"{RowHeight - 6}\"><title>{Escape(file)}: {ByteSize.Text(bytes)} after {TraceRow.Seconds(block[0].Served)} s, from {Escape(source)}</title></rect>");
        }
    }

    private double X(TimeSpan time) => Left + (Width * time.TotalSeconds / _end);

    private string Y(long bytes) => (CurveTop + CurveHeight - (CurveHeight * (double)bytes / _trace.Trace.Bytes)).ToString("0.#", CultureInfo.InvariantCulture);

    private static string Colour(int source) => $"s{Math.Min(source, Colours - 1)}";

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
