namespace Sluice.Node.Logs;

/// <summary>
/// Lets the first lines of a kind through and counts the others, so that a registry that is down does not fill the log's disk. A kind is an
/// event and an image. All members may be called concurrently.
/// </summary>
public sealed class LineThrottle(TimeProvider? time = null)
{
    /// <summary>Lines of one kind in one <see cref="Window"/>.</summary>
    public const int MostLines = 10;

    /// <summary>More kinds than this at a time are let through uncounted.</summary>
    private const int MostKinds = 1024;

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _gate = new();
    private readonly Dictionary<(int Event, string Kind), Count> _counts = [];

    /// <summary>How long lines of one kind are counted together.</summary>
    public static TimeSpan Window { get; } = TimeSpan.FromSeconds(10);

    /// <summary>True if a line is to be written now.</summary>
    public bool Admits(int eventId, string kind)
    {
        lock (_gate)
        {
            if (!_counts.TryGetValue((eventId, kind), out Count? count))
            {
                if (_counts.Count < MostKinds) _counts[(eventId, kind)] = new Count(_time.GetTimestamp()) { Lines = 1 };
                return true;
            }

            return ++count.Lines <= MostLines;
        }
    }

    /// <summary>Kinds whose window has passed, with how many lines were left out. To be asked now and then.</summary>
    public IReadOnlyList<(int Event, string Kind, long Lines)> TakeLeftOut()
    {
        lock (_gate)
        {
            KeyValuePair<(int Event, string Kind), Count>[] passed = [.. _counts.Where(entry => _time.GetElapsedTime(entry.Value.Began) >= Window)];
            foreach (((int, string) key, _) in passed) _counts.Remove(key);
            return [.. passed.Where(entry => entry.Value.Lines > MostLines).Select(entry => (entry.Key.Event, entry.Key.Kind, entry.Value.Lines - MostLines))];
        }
    }

    private sealed class Count(long began)
    {
        public long Began => began;

        public long Lines { get; set; }
    }
}
