using System.Globalization;
using System.Net;
using System.Text;
using Sluice.Node.Admin;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Output;

/// <summary>
/// A trace as a page of its own, without scripts and without anything from elsewhere: a picture of the start, files from top to bottom and time from left to right, above it
/// how many bytes were read by when, and the same as a table.
/// </summary>
internal static class TracePage
{
    /// <summary>Files with a line of their own; the others share one.</summary>
    private const int MostFiles = 60;

    private const int Width = 1000, Left = 330, RowHeight = 17, CurveHeight = 120, Top = 30;

    public static string Write(ImageTrace trace)
    {
        IReadOnlyList<Row> rows = Rows(trace);
        double end = Math.Max(trace.Trace.Reads.Max(read => read.At.TotalSeconds), 0.001);
        StringBuilder page = new();
        page.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>Start of {Escape(trace.Image)}</title>
            <style>
            body {"{"} font: 14px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: {Width + Left + 40}px; color: #1b2733; background: #fff; padding: 0 1em {"}"}
            h1 {"{"} font-size: 20px; margin-bottom: 0 {"}"} p {"{"} color: #5a6b7b; margin-top: 4px {"}"}
            text {"{"} font: 11px system-ui, sans-serif; fill: #1b2733 {"}"} .soft {"{"} fill: #8595a5 {"}"} .grid {"{"} stroke: #e3e9ef {"}"}
            .here {"{"} fill: #7fb2e5 {"}"} .waited {"{"} fill: #e2703a {"}"} .curve {"{"} fill: none; stroke: #2f6fb2; stroke-width: 1.5 {"}"}
            table {"{"} border-collapse: collapse; margin-top: 2em; width: 100% {"}"} td, th {"{"} text-align: right; padding: 2px 8px; border-bottom: 1px solid #e3e9ef {"}"}
            td:first-child, th:first-child {"{"} text-align: left; word-break: break-all {"}"}
            </style></head><body>
            <h1>{Escape(trace.Image)}</h1>
            <p>{trace.Trace.Reads.Count} chunks, {ByteSize.Text(trace.Trace.Bytes)}, in {end:0.00} s. <span style="color:#e2703a">&#9632;</span> had to be waited for, <span style="color:#7fb2e5">&#9632;</span> was here.{(trace.Trace.Ahead is { } ahead ? $" {Escape(TraceTable.Ahead(ahead.Fetched, ahead.Unread))}." : "")}</p>

            """);
        int height = Top + CurveHeight + 30 + (rows.Count * RowHeight) + 20;
        page.Append(CultureInfo.InvariantCulture, $"<svg viewBox=\"0 0 {Width + Left + 20} {height}\" role=\"img\" aria-label=\"Start of {Escape(trace.Image)}\">\n");
        AppendGrid(page, end, height);
        AppendCurve(page, trace.Trace, end);
        for (int index = 0; index < rows.Count; index++) AppendRow(page, rows[index], Top + CurveHeight + 30 + (index * RowHeight), end);
        page.Append("</svg>\n");
        AppendTable(page, rows);
        return page.Append("</body></html>\n").ToString();
    }

    private static IReadOnlyList<Row> Rows(ImageTrace trace)
    {
        List<Row> rows = [.. trace.Trace.Reads.GroupBy(read => read.File?.Path ?? "(file not known)", StringComparer.Ordinal).Select(file => new Row(file.Key, [.. file]))];
        if (rows.Count <= MostFiles) return rows;
        HashSet<Row> largest = [.. rows.OrderByDescending(row => row.Bytes).Take(MostFiles - 1)];
        Row[] others = [.. rows.Where(row => !largest.Contains(row))];
        return [.. rows.Where(largest.Contains), new Row($"({others.Length} other files)", [.. others.SelectMany(row => row.Reads)])];
    }

    private static void AppendGrid(StringBuilder page, double end, int height)
    {
        for (int line = 0; line <= 10; line++)
        {
            double x = Left + (Width * line / 10.0);
            page.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{x:0.#}\" x2=\"{x:0.#}\" y1=\"{Top}\" y2=\"{height - 10}\"/><text class=\"soft\" x=\"{x:0.#}\" y=\"{Top - 8}\" text-anchor=\"middle\">{end * line / 10:0.00} s</text>\n");
        }
    }

    private static void AppendCurve(StringBuilder page, StartTrace trace, double end)
    {
        long bytes = 0;
        page.Append(CultureInfo.InvariantCulture, $"<text class=\"soft\" x=\"{Left - 8}\" y=\"{Top + 10}\" text-anchor=\"end\">{ByteSize.Text(trace.Bytes)}</text><path class=\"curve\" d=\"M{Left} {Top + CurveHeight}");
        foreach (TraceRead read in trace.Reads)
        {
            bytes += read.Length;
            page.Append(CultureInfo.InvariantCulture, $"H{X(read, end):0.#}V{Top + CurveHeight - (CurveHeight * (double)bytes / trace.Bytes):0.#}");
        }

        page.Append("\"/>\n");
    }

    private static void AppendRow(StringBuilder page, Row row, int y, double end)
    {
        string name = row.Name.Length <= 52 ? row.Name : "…" + row.Name[^51..];
        page.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left - 8}\" y=\"{y + 11}\" text-anchor=\"end\">{Escape(name)}</text>");
        foreach (TraceRead read in row.Reads)
        {
            double width = Math.Max(2, Math.Sqrt(read.Length / 4096.0));
            page.Append(CultureInfo.InvariantCulture, $"<rect class=\"{(read.WasHere ? "here" : "waited")}\" x=\"{X(read, end):0.#}\" y=\"{y + 2}\" width=\"{width:0.#}\" height=\"{RowHeight - 5}\"><title>{Escape(row.Name)}: {ByteSize.Text(read.Length)} after {read.At.TotalSeconds:0.000} s</title></rect>");
        }

        page.Append('\n');
    }

    private static void AppendTable(StringBuilder page, IReadOnlyList<Row> rows)
    {
        page.Append("<table><tr><th>File</th><th>From s</th><th>To s</th><th>Chunks</th><th>Waited for</th><th>Read</th></tr>\n");
        foreach (Row row in rows)
        {
            page.Append(CultureInfo.InvariantCulture,
                $"<tr><td>{Escape(row.Name)}</td><td>{row.Reads.Min(read => read.At).TotalSeconds:0.000}</td><td>{row.Reads.Max(read => read.At).TotalSeconds:0.000}</td><td>{row.Reads.Count}</td><td>{row.Reads.Count(read => !read.WasHere)}</td><td>{ByteSize.Text(row.Bytes)}</td></tr>\n");
        }

        page.Append("</table>\n");
    }

    private static double X(TraceRead read, double end) => Left + (Width * read.At.TotalSeconds / end);

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private sealed record Row(string Name, IReadOnlyList<TraceRead> Reads)
    {
        public long Bytes { get; } = Reads.Sum(read => (long)read.Length);
    }
}
