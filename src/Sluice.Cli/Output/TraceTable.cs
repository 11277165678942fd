using System.Globalization;
using Sluice.Node.Admin;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Output;

/// <summary>A trace as a table: a line for each file, in the order of their first reads.</summary>
internal static class TraceTable
{
    private const string NoFile = "(not known)";

    public static void Print(ImageTrace trace, TextWriter output, int? width)
    {
        TextTable table = new(width, "FILE", ">FROM s", ">TO s", ">CHUNKS", ">WAITED FOR", ">READ");
        foreach (IGrouping<string, TraceRead> file in trace.Trace.Reads.GroupBy(read => read.File?.Path ?? NoFile, StringComparer.Ordinal))
        {
            table.Add(
                file.Key, Seconds(file.Min(read => read.At)), Seconds(file.Max(read => read.At)), file.Count().ToString(CultureInfo.InvariantCulture),
                file.Count(read => !read.WasHere).ToString(CultureInfo.InvariantCulture), ByteSize.Text(file.Sum(read => (long)read.Length)));
        }

        foreach (string line in table.Lines()) output.WriteLine(line);
        output.WriteLine();
        output.WriteLine($"{trace.Image}: {trace.Trace.Reads.Count} chunks, {ByteSize.Text(trace.Trace.Bytes)}, in {Seconds(trace.Trace.Length)} s");
        if (trace.Trace.Command is { } command) output.WriteLine($"started with {command.Program} (command {command.Id})");
        if (trace.Trace.Ahead is { } ahead) output.WriteLine(Ahead(ahead.Fetched, ahead.Unread));
    }

    /// <summary>What was fetched ahead, and what of it was of no use.</summary>
    public static string Ahead(long fetched, long unread) =>
        string.Create(CultureInfo.InvariantCulture, $"{ByteSize.Text(fetched)} fetched ahead, uncompressed; {ByteSize.Text(unread)} of it ({(fetched == 0 ? 0 : 100.0 * unread / fetched):0.#} %) not read within the start");

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);
}
