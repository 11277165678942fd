namespace Sluice.Containerd.Snapshots.Filters;

internal enum FilterOperator
{
    /// <summary>No operator: the field exists.</summary>
    Present,

    /// <summary><c>==</c></summary>
    Equal,

    /// <summary><c>!=</c>, also true when the field does not exist.</summary>
    NotEqual,

    /// <summary><c>~=</c>, a regular expression that may match anywhere.</summary>
    Matches,
}
