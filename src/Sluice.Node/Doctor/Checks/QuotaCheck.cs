using System.Globalization;
using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>The cache's quota fits on its disk: one that does not limits nothing.</summary>
internal sealed class QuotaCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.RootSpace is not { } space || node.Options.Cache.Quota.Bytes <= space.Bytes) yield break;
        string what = string.Create(CultureInfo.InvariantCulture, $"has cache.quota: {node.Options.Cache.Quota.Bytes / 1e9:0.0} GB, more than the {space.Bytes / 1e9:0.0} GB of the disk of {node.Options.CacheDirectory}: the cache may fill it");
        yield return new Finding("cache-quota", Severity.Warning, node.ConfigurationPath, what, $"sed -i -E '/^cache:/,/^[^ #]/s/^( +quota:).*/\\1 80%/' {node.ConfigurationPath} && {Mend.Restart(node)}");
    }
}
