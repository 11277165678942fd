using Sluice.Storage.Fetching;

namespace Sluice.Storage.Activity;

/// <summary>Causes and their names in metrics, logs and the admin API.</summary>
public static class FetchCauses
{
    public static IReadOnlyList<FetchCause> All { get; } = Enum.GetValues<FetchCause>();

    /// <summary>In snake case: <c>read_ahead</c>.</summary>
    public static string Name(this FetchCause cause) => cause switch
    {
        FetchCause.Demand => "demand",
        FetchCause.Neighbours => "neighbours",
        FetchCause.ReadAhead => "read_ahead",
        FetchCause.Metadata => "metadata",
        FetchCause.Prefetch => "prefetch",
        _ => "background",
    };

    /// <summary>What a fetch that nobody said more of is for.</summary>
    internal static FetchCause CauseOf(FetchPriority priority) => priority switch
    {
        FetchPriority.Demand => FetchCause.Demand,
        FetchPriority.Prefetch => FetchCause.Prefetch,
        _ => FetchCause.Background,
    };
}
