namespace Sluice.Storage.Sources.Places;

/// <summary>States and their names in metrics and the admin API.</summary>
public static class PlaceStates
{
    public static IReadOnlyList<PlaceState> All { get; } = Enum.GetValues<PlaceState>();

    public static string Name(this PlaceState state) => state switch
    {
        PlaceState.Healthy => "healthy",
        PlaceState.Resting => "resting",
        _ => "held_back",
    };
}
