using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class StateFileSystemCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        string state = node.Options.State;
        if (node.MountOf(state) is not { } mount || mount.Type is "tmpfs" or "ramfs") yield break;
        yield return new Finding(
            "state-not-volatile", Severity.Warning, state, $"is on {mount.Type}, not on a tmpfs: it is not empty after a restart of the machine, and each write of a writable disk waits for that disk",
            $"{Mend.Stop(node)}mkdir -p {state} && mount -t tmpfs -o mode=700,size=256m tmpfs {state} && {Mend.Start(node)}");
    }
}
