using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Output;

/// <summary>What <c>sluice trace diff</c> says.</summary>
internal static partial class TraceDiffReport
{
    private const string None = "-";

    /// <param name="all">Also what is the same in both.</param>
    public static void Print(StartTrace before, StartTrace after, IReadOnlyList<TraceChange> changes, bool all, TextWriter output, int? width)
    {
        TextTable table = new(width, "FILE", ">A s", ">B s", ">A READ", ">B READ", ">ONLY A", ">ONLY B", "CHANGE");
        TraceChange[] shown = [.. changes.Where(change => all || !change.IsNone)];
        foreach (TraceChange change in shown)
        {
            table.Add(
                change.Name, Seconds(change.Before?.At), Seconds(change.After?.At), Bytes(change.Before?.Bytes), Bytes(change.After?.Bytes), Bytes(change.Before?.OnlyHere), Bytes(change.After?.OnlyHere), Words(change));
        }

        foreach (string line in shown.Length == 0 ? [] : table.Lines()) output.WriteLine(line);
        if (shown.Length > 0) output.WriteLine();
        output.WriteLine($"A: {Total(before)}");
        output.WriteLine($"B: {Total(after)}");
        int moved = changes.Count(change => change.Move != 0);
        output.WriteLine(changes.All(change => change.IsNone)
            ? "the same, in the same order"
            : $"only A: {ByteSize.Text(changes.Sum(change => change.Before?.OnlyHere ?? 0))}; only B: {ByteSize.Text(changes.Sum(change => change.After?.OnlyHere ?? 0))}; {moved} moved");
    }

    public static string ToJson(StartTrace before, StartTrace after, IReadOnlyList<TraceChange> changes) => JsonSerializer.Serialize(
        new Result(Of(before), Of(after), [.. changes.Select(change => new Change(change.Name, Words(change), change.Move, Of(change.Before), Of(change.After)))]), DiffJson.Default.Result);

    private static string Words(TraceChange change) => change switch
    {
        { Before: null } => "only B",
        { After: null } => "only A",
        { IsNone: true } => "same",
        { Move: < 0 } => $"earlier by {-change.Move}",
        { Move: > 0 } => $"later by {change.Move}",
        { Before.OnlyHere: 0 } => "more",
        { After.OnlyHere: 0 } => "less",
        _ => "other parts",
    };

    private static string Total(StartTrace trace) =>
        $"{trace.Manifest.ToString()[..19]}, {trace.Reads.Count} chunks, {ByteSize.Text(trace.Bytes)}, {trace.Reads.Count(read => !read.WasHere)} waited for{(TraceWaits.Of(trace.Reads) is { } waited ? $" in {Seconds(waited)} s" : "")}, in {Seconds(trace.Length)} s";

    private static string Seconds(TimeSpan? time) => time?.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture) ?? None;

    private static string Bytes(long? bytes) => bytes is { } some ? ByteSize.Text(some) : None;

    private static Side Of(StartTrace trace) => new(trace.Manifest.ToString(), trace.Reads.Count, trace.Bytes, trace.Reads.Count(read => !read.WasHere), TraceWaits.Of(trace.Reads)?.TotalSeconds, trace.Length.TotalSeconds);

    private static Part? Of(TracePart? part) => part is { } some ? new Part(some.At.TotalSeconds, some.Chunks, some.Waited, some.Bytes, some.OnlyHere) : null;

    private sealed record Result(Side A, Side B, IReadOnlyList<Change> Changes);

    private sealed record Side(string Manifest, int Chunks, long Bytes, int Waited, double? WaitedSeconds, double Seconds);

    private sealed record Change(string Name, string Kind, int Move, Part? A, Part? B);

    private sealed record Part(double At, int Chunks, int Waited, long Bytes, long OnlyHere);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
    [JsonSerializable(typeof(Result))]
    private sealed partial class DiffJson : JsonSerializerContext;
}
