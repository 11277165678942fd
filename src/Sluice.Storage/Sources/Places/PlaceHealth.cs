namespace Sluice.Storage.Sources.Places;

/// <summary>What is known of one place at one moment.</summary>
/// <param name="Name">As <see cref="IBlobSource.Name"/>.</param>
/// <param name="Failures">Failures since it last delivered; those within one rest count once.</param>
/// <param name="Left">How long the state lasts if nothing happens; zero when healthy.</param>
/// <param name="Running">Requests of the read path that it is working on.</param>
/// <param name="Latency">95 of 100 of its latest short requests took no longer; null: too few to say.</param>
/// <param name="Distrusted">Blobs of which it delivered wrong bytes lately.</param>
/// <param name="Pauses">How often it asked for a pause since the process started.</param>
/// <param name="Paused">How long these pauses have lasted together, what has passed of the present one included.</param>
public sealed record PlaceHealth(
    string Name, PlaceState State, int Failures, TimeSpan Left, int Running, TimeSpan? Latency, int Distrusted, long Pauses, TimeSpan Paused);
