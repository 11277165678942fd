using System.Globalization;
using Sluice.Node.Admin;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Output;

/// <summary>A trace as two tables: a line for each file, in the order of their first reads, and one for each source that the files' lines name by its number.</summary>
internal static class TraceTable
{
    public static void Print(ImageTrace trace, TextWriter output, int? width)
    {
        IReadOnlyList<TraceRow> sources = TraceRow.Sources(trace.Trace);
        TextTable files = new(width, "FILE", ">FROM s", ">TO s", ">CHUNKS", ">WAITED", ">FOR s", ">READ", ">SOURCE");
        foreach (TraceRow file in TraceRow.Files(trace.Trace))
            files.Add(file.Name, TraceRow.Seconds(file.First), TraceRow.Seconds(file.Last), Text(file.Reads.Count), Text(file.WaitedFor), file.Waited, ByteSize.Text(file.Bytes), file.NumbersIn(sources));
        Print(files, output);
        TextTable places = new(width, "SOURCE", ">CHUNKS", ">WAITED", ">FOR s", ">READ");
        foreach ((int number, TraceRow source) in sources.Index()) places.Add($"{number} {source.Name}", Text(source.Reads.Count), Text(source.WaitedFor), source.Waited, ByteSize.Text(source.Bytes));
        Print(places, output);
        output.WriteLine($"{trace.Image}: {Summary(trace.Trace)}");
        if (trace.Trace.Command is { } command) output.WriteLine($"started with {command.Program} (command {command.Id})");
        if (trace.Trace.Ahead is { } ahead) output.WriteLine(Ahead(ahead.Fetched, ahead.Unread));
    }

    public static string Summary(StartTrace trace) =>
        $"{trace.Reads.Count} chunks, {ByteSize.Text(trace.Bytes)}, in {TraceRow.Seconds(trace.Length)} s{(TraceWaits.Of(trace.Reads) is { } waited ? $"; in {TraceRow.Seconds(waited)} s of them a read waited" : "")}";

    /// <summary>What was fetched ahead, and what of it was of no use.</summary>
    public static string Ahead(long fetched, long unread) =>
        string.Create(CultureInfo.InvariantCulture, $"{ByteSize.Text(fetched)} fetched ahead, uncompressed; {ByteSize.Text(unread)} of it ({(fetched == 0 ? 0 : 100.0 * unread / fetched):0.#} %) not read within the start");

    private static void Print(TextTable table, TextWriter output)
    {
        foreach (string line in table.Lines()) output.WriteLine(line);
        output.WriteLine();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
