using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class ContainerdFileCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.ContainerdConfiguration.Error is not { } error) yield break;
        yield return new Finding("containerd-config-broken", Severity.Error, error.Culprit, $"{Mend.TextOf(error)}: containerd does not start with it", Mend.Edit(error, node.ContainerdConfiguration.Path));
    }
}
