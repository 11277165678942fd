using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class HostsFilesCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node) => node.Registries.Where(registry => registry.HostsError is not null).Select(registry => new Finding(
        "hosts-file-broken", Severity.Error, registry.HostsError!.Culprit, $"{Mend.TextOf(registry.HostsError)}: nothing can be read from {registry.Registry}", Mend.Edit(registry.HostsError, registry.HostsError.Culprit)));
}
