using System.Collections;

namespace Sluice.Storage.Sources;

/// <summary>
/// The sources of a store that follows the configuration: its content is another after a change. Who keeps to one order for a while takes <see cref="Current"/>.
/// </summary>
internal sealed class FollowedSources(IReadOnlyList<IBlobSource> first) : IReadOnlyList<IBlobSource>
{
    private volatile IReadOnlyList<IBlobSource> _current = first;

    /// <summary>A list that never changes; another one after each change.</summary>
    public IReadOnlyList<IBlobSource> Current
    {
        get => _current;
        set => _current = value;
    }

    public int Count => _current.Count;

    public IBlobSource this[int index] => _current[index];

    /// <summary>What the sources are now, as a list that never changes.</summary>
    public static IReadOnlyList<IBlobSource> Of(IReadOnlyList<IBlobSource> sources) => sources is FollowedSources followed ? followed.Current : sources;

    public IEnumerator<IBlobSource> GetEnumerator() => _current.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
