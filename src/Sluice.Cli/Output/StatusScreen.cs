using System.Text.RegularExpressions;
using Sluice.Node.Status;

namespace Sluice.Cli.Output;

/// <summary><c>sluice status</c> for people: what they must know first, on one screen.</summary>
/// <param name="width">Characters of a line; null: lines are not cut, and nothing is left out.</param>
/// <param name="rows">Images that are listed; the others are counted.</param>
internal sealed partial class StatusScreen(int? width, int rows)
{
    private const int Label = 9;
    private const int Indent = 2;

    /// <param name="before">The status that was shown before, for rates; null: the first.</param>
    public IReadOnlyList<string> Lines(NodeStatus status, IReadOnlyList<ImageStatus> images, NodeStatus? before = null)
    {
        List<string> lines = [];
        Head(lines, status, before);
        Images(lines, images);
        lines.AddRange(new SourceTable(width).Lines(status.Sources));
        Recent(lines, status);
        return lines;
    }

    private void Head(List<string> lines, NodeStatus status, NodeStatus? before)
    {
        ReadStatus reads = status.Reads;
        string starts = status.Starts > 1 ? $", start {Words.Count(status.Starts)} since boot" : "";
        Say("daemon", $"{status.Version}, up {Words.Duration(status.UptimeSeconds)}, pid {status.Pid}{starts}{TakeOvers(status.TakeOvers)}");
        Say("keeper", status.Keeper.Running ? $"running, holds {Words.Count(status.Keeper.Held.Count, "descriptor")}" : "none: containers don't survive the daemon's death");
        string disks = status.Images.ContainerDisks == 0 ? "" : $"; {Words.Count(status.Images.ContainerDisks, "container disk")}";
        Say("images", $"{status.Images.Known} known, {status.Images.Mounted} mounted, {status.Images.Complete} complete, {status.Images.Local} local{disks}");
        Say("cache", CacheText(status.Cache));
        Say("reads", $"{Words.Count(reads.Hits, "hit")}, {Words.Count(reads.Misses)} waited, {ByteSize.Text(reads.BytesFetched)} fetched{Rates(status, before)}");
        string failed = $"{Words.Count(reads.Errors, "read error")}, {Words.Count(reads.DeadlinesPassed)} by deadline; {Words.Count(reads.VerificationFailures, "verification failure")}";
        if (reads.Errors + reads.DeadlinesPassed + reads.VerificationFailures > 0) Say("failures", failed);
        if (reads.Waiting > 0)
        {
            string hung = reads.Hung > 0 ? $", {Words.Count(reads.Hung)} for more than {reads.HungSeconds} s" : "";
            string longest = status.Waits is [{ } first, ..] ? $"; longest {Words.Duration(first.Seconds)}, {first.Image}" : "";
            Say("waiting", $"{Words.Count(reads.Waiting, "read")}{hung}{longest}");
        }

        if (status.DiskRequests is { Waiting: > 0 } own)
        {
            string hung = own.Hung > 0 ? $", {Words.Count(own.Hung)} for more than {reads.HungSeconds} s" : "";
            Say("disks", $"{Words.Count(own.Waiting, "request")} of containers' own disks not answered{hung}; longest {Words.Duration(own.LongestSeconds)}");
        }

        void Say(string label, string text)
        {
            foreach (string line in Words.Wrap(text, width - Label, 0))
            {
                lines.Add(label.PadRight(Label) + line);
                label = "";
            }
        }
    }

    private static string TakeOvers(TakeOverCounts counts)
    {
        string[] ends = [.. new[] { (counts.Killed, "killed"), (counts.Stopped, "stopped"), (counts.Upgraded, "upgraded") }.Where(kind => kind.Item1 > 0).Select(kind => $"{Words.Count(kind.Item1)} {kind.Item2}")];
        return ends.Length == 0 ? "" : $"; took over from {string.Join(", ", ends)}";
    }

    private static string Rates(NodeStatus status, NodeStatus? before)
    {
        if (before is null || before.Pid != status.Pid || status.UptimeSeconds <= before.UptimeSeconds) return "";
        double seconds = status.UptimeSeconds - before.UptimeSeconds;
        double hits = (status.Reads.Hits - before.Reads.Hits) / seconds;
        double bytes = (status.Reads.BytesFetched - before.Reads.BytesFetched) / seconds;
        return $" ({Words.Count((long)hits)} hits/s, {ByteSize.Text((long)bytes)}/s)";
    }

    private void Images(List<string> lines, IReadOnlyList<ImageStatus> images)
    {
        if (images.Count == 0) return;
        var table = new TextTable(width, "IMAGE", "STATE", ">LOCAL", ">FETCHED", ">MISSES", ">WAITED");
        ImageStatus[] order = [.. images.OrderByDescending(Interest)];
        int shown = width is null || images.Count <= rows ? images.Count : rows;
        foreach (ImageStatus image in order.Take(shown))
        {
            ImageActivityStatus? activity = image.Activity;
            table.Add(
                image.Prefix ? $"{image.Name} (lower layers)" : image.Name, State(image), image.LocalBytes is { } local ? ByteSize.Text(local) : "-",
                activity is null ? "-" : ByteSize.Text(activity.BytesByCause.Values.Sum()), activity is null ? "-" : Words.Count(activity.Misses), activity is null ? "-" : Words.Duration(activity.WaitedSeconds));
        }

        lines.Add("");
        lines.AddRange(table.Lines());
        if (shown < images.Count) lines.Add($"… and {images.Count - shown} more: sluice status | less");
    }

    /// <summary>Trouble first, then what is being filled, then the rest by name.</summary>
    private static int Interest(ImageStatus image) =>
        image.Activity is { Hung: > 0 } ? 4 : image.Activity is { Waiting: > 0 } ? 3 : image.Activity is { Errors: > 0 } ? 2 : image is { Mounted: true, IsComplete: false } ? 1 : 0;

    private static string State(ImageStatus image) => image switch
    {
        { Activity.Hung: > 0 } => "hung",
        { Mounted: false } => "not mounted",
        { IsLocal: true } => "local",
        { IsComplete: true } => "complete",
        { WholeBytes: > 0 } => $"{Math.Min(99, image.LocalBytes!.Value * 100 / image.WholeBytes.Value)} %",
        _ => "mounted",
    };

    private void Recent(List<string> lines, NodeStatus status)
    {
        if (status.Recent.Count == 0) return;
        lines.Add("");
        lines.Add("RECENT WARNINGS AND ERRORS");
        foreach (RecentLine line in status.Recent.Take(width is null ? int.MaxValue : 5))
        {
            double age = (status.StartedAt.AddSeconds(status.UptimeSeconds) - line.At).TotalSeconds;
            string times = line.Count > 1 ? $", {Words.Count(line.Count)} times" : "";
            lines.AddRange(Words.Wrap($"{line.Level}, {Words.Duration(Math.Max(0, age))} ago{times}: {Shorten(line.Message)}", width, Indent));
        }
    }

    /// <summary>On a terminal a digest's beginning tells enough.</summary>
    private string Shorten(string message) => width is null ? message : LongDigest().Replace(message, "$1…");

    [GeneratedRegex(@"\b(sha(?:256|512):[0-9a-f]{12})[0-9a-f]{20,}")]
    private static partial Regex LongDigest();

    private static string CacheText(CacheStatus cache)
    {
        string limit = cache.LimitBytes == 0 ? "" : $" of {ByteSize.Text(cache.LimitBytes)}";
        string free = cache.FreeBytes is { } bytes ? $", {ByteSize.Text(bytes)} free" : "";
        string evicted = cache.EvictedBytes == 0 ? "" : $"; {ByteSize.Text(cache.EvictedBytes)} evicted";
        string saved = cache.SavedBytes == 0 ? "" : $"; equal chunks saved {ByteSize.Text(cache.SavedBytes)} of downloads";
        return $"{ByteSize.Text(cache.Bytes)}{limit} in {cache.Directory}{free}{evicted}{saved}";
    }
}
