using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Places;

namespace Sluice.Storage.Fetching;

/// <summary>Who is asked next for a fetch.</summary>
/// <param name="Set">The sources of the fetch.</param>
/// <param name="Index">Among them.</param>
internal readonly record struct SourceChoice(SourceSet Set, int Index)
{
    public IBlobSource Source => Set[Index];

    public SourcePlace Place => Set.PlaceOf(Index);
}
