using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Sluice.Node.Admin;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Output;

/// <summary>
/// A trace as a page of its own that needs nothing from elsewhere: <see cref="TracePicture"/>, and below it sources and all files as tables, to filter and to sort. Without scripts it can be looked at as well.
/// </summary>
internal static class TracePage
{
    public static string Write(ImageTrace trace)
    {
        string ahead = trace.Trace.Ahead is { } outcome ? $"<p>{Escape(TraceTable.Ahead(outcome.Fetched, outcome.Unread))}.</p>" : "";
        StringBuilder page = new();
        page.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>Start of {Escape(trace.Image)}</title>
            <style>
            {Resource("css")}</style></head><body>
            <div id="now"></div>
            {TracePicture.Write(trace).Replace("</svg>", "<line id=\"time\" y1=\"80\" y2=\"100%\"/></svg>", StringComparison.Ordinal)}{ahead}

            """);
        AppendSources(page, TraceRow.Sources(trace.Trace));
        AppendFiles(page, trace.Trace);
        page.Append(CultureInfo.InvariantCulture, $"<script type=\"application/json\" id=\"start\">{Data(trace.Trace)}</script>\n<script>\n{Resource("js")}</script></body></html>\n");
        return page.ToString();
    }

    private static void AppendSources(StringBuilder page, IReadOnlyList<TraceRow> sources)
    {
        page.Append("<table id=\"sources\"><thead><tr><th>Source</th><th>Chunks</th><th>Waited for</th><th>Waited s</th><th>Read</th></tr></thead><tbody>\n");
        foreach ((int number, TraceRow source) in sources.Index())
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{number} {Escape(source.Name)}</td><td>{source.Reads.Count}</td><td>{source.WaitedFor}</td><td>{source.Waited}</td><td>{ByteSize.Text(source.Bytes)}</td></tr>\n");
        page.Append("</tbody></table>\n");
    }

    private static void AppendFiles(StringBuilder page, StartTrace trace)
    {
        IReadOnlyList<TraceRow> sources = TraceRow.Sources(trace);
        page.Append("<input id=\"filter\" type=\"search\" placeholder=\"Part of a file's name\" aria-label=\"Part of a file's name\">\n");
        page.Append("<table id=\"files\"><thead><tr><th>File</th><th>From s</th><th>To s</th><th>Chunks</th><th>Waited for</th><th>Waited s</th><th>Read</th><th>Source</th></tr></thead><tbody>\n");
        foreach (TraceRow file in TraceRow.Files(trace))
        {
            page.Append(CultureInfo.InvariantCulture,
                $"<tr data-name=\"{Escape(file.Name)}\"><td>{Escape(file.Name)}</td><td>{TraceRow.Seconds(file.First)}</td><td>{TraceRow.Seconds(file.Last)}</td><td>{file.Reads.Count}</td><td>{file.WaitedFor}</td><td>{file.Waited}</td><td data-value=\"{file.Bytes}\">{ByteSize.Text(file.Bytes)}</td><td>{file.NumbersIn(sources)}</td></tr>\n");
        }

        page.Append("</tbody></table>\n");
    }

    /// <summary>What the script asks for.</summary>
    private static string Data(StartTrace trace)
    {
        double end = TracePicture.EndOf(trace);
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteNumber("left"u8, TracePicture.Left);
            writer.WriteNumber("width"u8, TracePicture.Width);
            writer.WriteNumber("seconds"u8, end);
            writer.WriteStartArray("bytes"u8);
            foreach (long bytes in TracePicture.BytesBy(trace.Reads, end)) writer.WriteNumberValue(bytes);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static string Resource(string kind)
    {
        using StreamReader reader = new(typeof(TracePage).Assembly.GetManifestResourceStream($"TracePage.{kind}")!);
        return reader.ReadToEnd();
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
