using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Places;

namespace Sluice.Storage.Fetching;

/// <summary>
/// The sources of a blob as they are at one moment, in order, and for which of them others are asked first. A fetch keeps to one set, as it notes whom it
/// has asked by their numbers, however the configuration changes meanwhile.
/// </summary>
internal sealed class SourceSet
{
    /// <summary>Sources beyond this are not asked: fetches note them in the bits of a number.</summary>
    private const int Most = 64;

    private readonly SourcePlace[] _places;
    private readonly long[] _avoidUntil;

    public SourceSet(IReadOnlyList<IBlobSource> sources, Fetcher fetcher)
    {
        Listed = sources;
        Count = Math.Min(sources.Count, Most);
        _places = [.. sources.Take(Count).Select(fetcher.PlaceOf)];
        _avoidUntil = new long[Count];
        Array.Fill(_avoidUntil, long.MinValue);
    }

    /// <summary>What it was made of.</summary>
    public IReadOnlyList<IBlobSource> Listed { get; }

    public int Count { get; }

    public string Names => string.Join(", ", Listed.Take(Count).Select(source => source.Name));

    public IBlobSource this[int index] => Listed[index];

    public SourcePlace PlaceOf(int index) => _places[index];

    /// <summary>A source has no such blob, or did not give it: others are asked for it first for a while.</summary>
    public void Avoid(int index, FetchOptions options) =>
        Volatile.Write(ref _avoidUntil[index], options.Time.GetTimestamp() + (long)(options.SourcePenalty.TotalSeconds * options.Time.TimestampFrequency));

    public bool Avoids(int index, Digest blob, long now) => Volatile.Read(ref _avoidUntil[index]) > now || _places[index].Distrusts(blob);
}
