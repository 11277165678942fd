using Sluice.Node.Doctor.Facts;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Node.Doctor.Checks;

/// <summary>The clock against those of registries: tokens and certificates have times in them.</summary>
internal sealed class ClockCheck : ICheck
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        HostAnswer? worst = node.Registries.SelectMany(registry => registry.Hosts).Where(host => host.Date is not null).MaxBy(host => (host.Date!.Value - node.Now).Duration());
        if (worst is null || (worst.Date!.Value - node.Now).Duration() < Limit) yield break;
        TimeSpan off = node.Now - worst.Date.Value;
        yield return new Finding("clock-skew", Severity.Warning, "clock", $"is {off.Duration().TotalMinutes:0} minutes {(off > TimeSpan.Zero ? "ahead of" : "behind")} that of {worst.Name}: tokens and certificates count as expired, or as not valid yet", "timedatectl set-ntp true");
    }
}
