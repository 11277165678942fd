using Sluice.Node.Configuration;
using Sluice.Storage.Fetching;

namespace Sluice.Node.Images;

/// <summary>How long requests for images may take, as the configuration says now. May be used concurrently.</summary>
/// <param name="fetcher">Has the deadline of all other images.</param>
internal sealed class ImageDeadlines(IReadOnlyList<ImageDeadline> first, Fetcher fetcher)
{
    private volatile IReadOnlyList<ImageDeadline> _now = first;

    public void Apply(IReadOnlyList<ImageDeadline> deadlines) => _now = deadlines;

    /// <summary>Of one image, for the read path: names are compared after a change only.</summary>
    public Func<TimeSpan> Of(string reference)
    {
        Choice? last = null;
        return () =>
        {
            IReadOnlyList<ImageDeadline> now = _now;
            Choice? choice = last;
            if (choice?.Among != now) last = choice = new Choice(now, now.FirstOrDefault(image => image.Matches(reference))?.Deadline);
            return choice.Own ?? fetcher.Options.RequestDeadline;
        };
    }

    private sealed record Choice(IReadOnlyList<ImageDeadline> Among, TimeSpan? Own);
}
