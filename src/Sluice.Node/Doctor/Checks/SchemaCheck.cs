using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class SchemaCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.Schema is not { } schema || schema.Found <= schema.Known) yield break;
        yield return new Finding(
            "state-newer", Severity.Error, Path.Combine(node.Options.Root, "metadata.db"), $"was written by a later version (schema {schema.Found}; sluice {node.OwnVersion} knows {schema.Known}): the daemon does not start",
            "# install the version that was here before, or a later one");
    }
}
