using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>Plugins of the kubelet that only work for a pod. Source: Kubernetes, <c>tokenAttributes.requireServiceAccount</c>.</summary>
internal sealed class ProviderTokensCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node) => node.Options.SkippedProviders.Select(name => new Finding(
        "provider-needs-pod", Severity.Warning, $"credential provider {name}",
        "needs the token of a pod's service account, and the node reads images for itself: what only this plugin opens can't be read after its pull",
        $"${{EDITOR:-vi}} {node.ConfigurationPath}  # credentials.cri (the logins of pulls) or credentials.secrets for these registries"));
}
