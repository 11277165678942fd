using System.Collections.Concurrent;

namespace Sluice.Storage.Sources.Places;

/// <summary>All places that a process has asked, by name.</summary>
public sealed class SourcePlaces(PlaceOptions options)
{
    private readonly ConcurrentDictionary<string, SourcePlace> _places = new(StringComparer.Ordinal);
    private volatile PlaceOptions _options = options;

    public IEnumerable<SourcePlace> All => _places.Values;

    public SourcePlace Get(string name) => _places.GetOrAdd(name, static (name, places) => new SourcePlace(name, places._options), this);

    /// <summary>Rates and rests are others from now on, of all places; what is known of them stays. The clock stays, too.</summary>
    public void Apply(PlaceOptions options)
    {
        _options = options;
        foreach (SourcePlace place in _places.Values) place.Apply(options);
    }
}
