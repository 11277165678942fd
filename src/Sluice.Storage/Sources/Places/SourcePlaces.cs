using System.Collections.Concurrent;

namespace Sluice.Storage.Sources.Places;

/// <summary>All places that a process has asked, by name.</summary>
public sealed class SourcePlaces(PlaceOptions options)
{
    private readonly ConcurrentDictionary<string, SourcePlace> _places = new(StringComparer.Ordinal);

    public IEnumerable<SourcePlace> All => _places.Values;

    public SourcePlace Get(string name) => _places.GetOrAdd(name, static (name, options) => new SourcePlace(name, options), options);
}
