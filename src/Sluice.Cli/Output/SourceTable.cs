using Sluice.Node.Status;

namespace Sluice.Cli.Output;

/// <summary>The part of <c>sluice status</c> about sources: a line for each, and below it what is wrong with it.</summary>
/// <param name="width">Characters of a line; null: lines are not cut.</param>
internal sealed class SourceTable(int? width)
{
    private const int Indent = 2;

    /// <summary>None if no source is known.</summary>
    public IEnumerable<string> Lines(IReadOnlyList<SourceStatus> sources)
    {
        if (sources.Count == 0) return [];
        var table = new TextTable(width, "SOURCE", "STATE", ">FETCHED", ">ANSWERED", ">FAILED", ">MEAN", ">P95");
        foreach (SourceStatus source in sources)
        {
            table.Add(
                source.Name, State(source), ByteSize.Text(source.Bytes), Words.Count(source.Answered), Words.Count(source.Failures), Time(source.MeanSeconds), Time(source.SlowSeconds));
        }

        string[] rows = [.. table.Lines()];
        return ["", rows[0], .. sources.SelectMany((source, index) => (string[])[rows[index + 1], .. Troubles(source)])];
    }

    private static string State(SourceStatus source) => source.State switch
    {
        "healthy" => "ok",
        "held_back" => $"paused {Words.Duration(source.StateLeftSeconds)}",
        _ => $"resting {Words.Duration(source.StateLeftSeconds)}",
    };

    private static string Time(double? seconds) => seconds is { } some ? Words.Duration(some) : "-";

    private IEnumerable<string> Troubles(SourceStatus source)
    {
        List<string> said = [];
        if (source.FailuresByKind.Count > 0) said.Add("failed: " + string.Join(", ", source.FailuresByKind.Select(kind => $"{Words.Count(kind.Value)} {kind.Key}")));
        if (source.Hedges > 0) said.Add($"{Words.Count(source.Hedges, "second request")}, {Words.Count(source.HedgesWon)} first to answer");
        if (source.Pauses > 0) said.Add($"asked for {Words.Count(source.Pauses, "pause")}, {Words.Duration(source.PausedSeconds)} so far");
        if (source.DistrustedBlobs > 0) said.Add($"wrong bytes of {Words.Count(source.DistrustedBlobs, "blob")} lately");
        return said.Count == 0 ? [] : Words.Wrap(string.Join("; ", said), width - Indent, 0).Select(line => new string(' ', Indent) + line);
    }
}
