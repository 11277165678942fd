using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class ConfigurationCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.ConfigurationError is not { } error) yield break;
        yield return new Finding("config-invalid", Severity.Error, error.Culprit, $"{Mend.TextOf(error)}; the daemon does not start with it", Mend.Edit(error, node.ConfigurationPath));
    }
}
