using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>Loop devices on disks of a daemon that has gone.</summary>
internal sealed class LoopsCheck : ICheck
{
    private const string Deleted = " (deleted)";

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        bool served = node.Daemon is not null || node.KeeperRuns || node.Daemons.Count > 0;
        string state = Path.TrimEndingDirectorySeparator(node.Options.State) + "/";
        foreach (string name in node.Files.Names("/sys/block").Where(name => name.StartsWith("loop", StringComparison.Ordinal)))
        {
            string file = node.Files.Text($"/sys/block/{name}/loop/backing_file")?.Trim() ?? "", device = $"/dev/{name}";
            if (!file.StartsWith(state, StringComparison.Ordinal) || node.Mounts.Any(mount => mount.Source == device)) continue;
            if (!served || file.EndsWith(Deleted, StringComparison.Ordinal))
                yield return new Finding("loop-left-over", Severity.Warning, device, $"stands on {file.Replace(Deleted, "", StringComparison.Ordinal)}, which nobody serves any more", $"losetup -d {device}");
        }
    }
}
