using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>What only younger kernels can do and nothing depends on.</summary>
internal sealed class KernelAgeCheck : ICheck
{
    private static readonly Version SixNine = new(6, 9);

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.KernelVersion >= SixNine) yield break;
        yield return new Finding(
            "kernel-old", Severity.Note, $"Linux {node.KernelVersion}",
            "has no FUSE passthrough (complete files are read through the daemon) and does not send requests again to the next daemon (reads that are under way when one dies fail)", "# boot Linux 6.9 or later");
    }
}
