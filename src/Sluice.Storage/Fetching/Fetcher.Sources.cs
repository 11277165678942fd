using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Places;

namespace Sluice.Storage.Fetching;

/// <summary>Whom a fetch asks.</summary>
public sealed partial class Fetcher
{
    /// <summary>A place that asked for a longer pause is asked only when those that rest have failed, too.</summary>
    private static readonly TimeSpan ShortWait = TimeSpan.FromSeconds(1);

    internal SourcePlace PlaceOf(IBlobSource source)
    {
        SourcePlace place = source.Place ?? _places.GetOrAdd(source.Name, static (name, time) => new SourcePlace(name, new PlaceOptions { Time = time }), Options.Time);
        _places[source.Name] = place;
        return place;
    }

    /// <summary>
    /// The source that was not asked in this round and promises most, in the order of the reader where several do: first the healthy ones, then those that
    /// rest or asked for a pause, last those that lack the blob or delivered wrong bytes of it.
    /// </summary>
    private static SourceChoice ChooseSource(SourceFetch fetch, long now)
    {
        SourceSet sources = fetch.Sources;
        (int best, int rank) = (0, int.MaxValue);
        for (int index = 0; index < sources.Count && rank > 0; index++)
        {
            if ((fetch.Tried & (1UL << index)) != 0) continue;
            int here = RankOf(new SourceChoice(sources, index), fetch.Owner.Format.Blob, now);
            if (here < rank) (best, rank) = (index, here);
        }

        return new SourceChoice(sources, best);
    }

    private static int RankOf(SourceChoice choice, Digest blob, long now)
    {
        if (choice.Set.Avoids(choice.Index, blob, now)) return 4;
        SourcePlace place = choice.Place;
        TimeSpan wait = place.Wait();
        if (wait > ShortWait) return 3;
        return place.IsResting ? 2 : wait > TimeSpan.Zero ? 1 : 0;
    }

    /// <summary>How long a request is waited for before a second one is sent; null: none will be.</summary>
    internal TimeSpan? HedgeAfter(SourcePlace place, int length)
    {
        if (Options.HedgeShare <= 0) return null;
        TimeSpan patience = place.Latency(length) ?? Options.HedgeUnknown;
        return patience > Options.HedgeFloor ? patience : Options.HedgeFloor;
    }

    /// <summary>Whom a fetch asks besides the one that lets it wait: the next source, or the same one over another connection. Null: nobody.</summary>
    /// <param name="length">Bytes of the second buffer.</param>
    internal SourceChoice? ChooseHedge(SourceFetch fetch, int length)
    {
        lock (_gate)
        {
            if (_disposed || fetch.Owner.IsDisposed || _hedges.IsUsedUp) return null;
            long now = Options.Time.GetTimestamp();
            SourceChoice choice = fetch.Untried > 0 ? ChooseSource(fetch, now) : default;
            if (choice.Set is null || RankOf(choice, fetch.Owner.Format.Blob, now) > 0) choice = fetch.Asked;
            if (choice.Place.Running >= SlotsPerPlace || _memory + length > Options.MemoryInFlight || !choice.Place.TryAsk(out _)) return null;
            _hedges.Take();
            _memory += length;
            fetch.Charged += length;
            fetch.Tried |= 1UL << choice.Index;
            choice.Place.Enter();
            return choice;
        }
    }
}
