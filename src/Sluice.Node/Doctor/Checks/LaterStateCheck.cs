using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class LaterStateCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.Later is not { } later) yield break;
        yield return new Finding(
            "state-newer", Severity.Error, later.Path, $"was written by a later version ({later.What} {later.Found}; sluice {node.OwnVersion} knows {(later.Known == 0 ? "none" : later.Known)}): the daemon does not start",
            "# install the version that was here before, or a later one");
    }
}
