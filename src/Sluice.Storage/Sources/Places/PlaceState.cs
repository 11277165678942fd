namespace Sluice.Storage.Sources.Places;

/// <summary>How a place does.</summary>
public enum PlaceState
{
    /// <summary>It delivers, or was not asked yet.</summary>
    Healthy,

    /// <summary>It failed and is asked last for a while.</summary>
    Resting,

    /// <summary>It asked for a pause (<c>Retry-After</c>), and gets it.</summary>
    HeldBack,
}
