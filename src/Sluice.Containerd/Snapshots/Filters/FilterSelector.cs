using System.Text.RegularExpressions;

namespace Sluice.Containerd.Snapshots.Filters;

/// <summary>One condition on one field of a snapshot.</summary>
/// <param name="Field"><c>name</c>, <c>parent</c>, <c>kind</c> or <c>labels</c>; nothing else exists.</param>
/// <param name="Label">Key of the label when <paramref name="Field"/> is <c>labels</c>.</param>
internal sealed record FilterSelector(string Field, string Label, FilterOperator Operator, string Value, Regex? Pattern)
{
    public bool Matches(SnapshotInfo snapshot)
    {
        string? value = Read(snapshot);
        return Operator switch
        {
            FilterOperator.Present => value is not null,
            FilterOperator.Equal => value is not null && value == Value,
            FilterOperator.NotEqual => (value ?? "") != Value,
            _ => Pattern!.IsMatch(value ?? ""),
        };
    }

    private string? Read(SnapshotInfo snapshot) => Field switch
    {
        "name" => snapshot.Name,
        "parent" => snapshot.Parent,
        "kind" => snapshot.Kind switch
        {
            SnapshotKind.Active => "active",
            SnapshotKind.View => "view",
            _ => "committed",
        },
        "labels" => snapshot.Labels.GetValueOrDefault(Label),
        _ => null,
    };
}
