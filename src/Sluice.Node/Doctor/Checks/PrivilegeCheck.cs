using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class PrivilegeCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (!node.IsRoot) yield return new Finding("not-root", Severity.Note, "sluice doctor", "does not run as root: sockets, mounts and logins of the daemon can't be looked at", "sudo sluice doctor");
    }
}
