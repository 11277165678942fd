using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class DaemonCountCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.Daemons is not { Count: > 1 } daemons) yield break;
        yield return new Finding("two-daemons", Severity.Error, node.Options.Root, $"is used by {daemons.Count} daemons (processes {string.Join(", ", daemons.Select(daemon => daemon.Id))}): only one of them can serve it", $"kill {daemons[^1].Id}");
    }
}
