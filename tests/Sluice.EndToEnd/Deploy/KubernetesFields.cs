using YamlDotNet.RepresentationModel;

namespace Sluice.EndToEnd.Deploy;

/// <summary>
/// Fields that Kubernetes knows of the objects that the manifests use, and only those that they use: a name that is misspelt would be dropped by a server without a word.
/// Source: the API reference of Kubernetes 1.25, apps/v1 and core/v1.
/// </summary>
internal static class KubernetesFields
{
    private static readonly Dictionary<string, string[]> Known = new()
    {
        ["ConfigMap"] = ["apiVersion", "kind", "metadata:Meta", "data:*"],
        ["DaemonSet"] = ["apiVersion", "kind", "metadata:Meta", "spec:DaemonSetSpec"],
        ["Meta"] = ["name", "namespace", "labels:*"],
        ["DaemonSetSpec"] = ["updateStrategy:UpdateStrategy", "selector:Selector", "template:Template"],
        ["UpdateStrategy"] = ["type", "rollingUpdate:RollingUpdate"],
        ["RollingUpdate"] = ["maxUnavailable"],
        ["Selector"] = ["matchLabels:*"],
        ["Template"] = ["metadata:Meta", "spec:PodSpec"],
        ["PodSpec"] =
        [
            "automountServiceAccountToken", "enableServiceLinks", "hostPID", "hostNetwork", "dnsPolicy", "priorityClassName", "terminationGracePeriodSeconds", "nodeSelector:*",
            "imagePullSecrets:Name", "tolerations:Toleration", "initContainers:Container", "containers:Container", "volumes:Volume",
        ],
        ["Name"] = ["name"],
        ["Toleration"] = ["operator", "key", "effect", "value"],
        ["Container"] = ["name", "image", "imagePullPolicy", "command", "env:Variable", "securityContext:SecurityContext", "startupProbe:Probe", "livenessProbe:Probe", "resources:Resources", "volumeMounts:VolumeMount"],
        ["Variable"] = ["name", "value"],
        ["SecurityContext"] = ["privileged", "readOnlyRootFilesystem"],
        ["Probe"] = ["exec:Exec", "periodSeconds", "timeoutSeconds", "failureThreshold"],
        ["Exec"] = ["command"],
        ["Resources"] = ["requests:*", "limits:*"],
        ["VolumeMount"] = ["name", "mountPath", "mountPropagation", "readOnly"],
        ["Volume"] = ["name", "hostPath:HostPath", "configMap:Name", "secret:Secret"],
        ["HostPath"] = ["path", "type"],
        ["Secret"] = ["secretName", "items:Item"],
        ["Item"] = ["key", "path"],
    };

    /// <summary>Paths of fields that are not known.</summary>
    public static IReadOnlyList<string> Unknown(YamlNode document) => [.. Unknown(document, document["kind"].ToString(), document["kind"].ToString())];

    private static IEnumerable<string> Unknown(YamlNode node, string type, string path)
    {
        if (type == "*") return [];
        if (node is YamlSequenceNode sequence) return sequence.SelectMany(item => Unknown(item, type, path));
        if (node is not YamlMappingNode mapping || !Known.TryGetValue(type, out string[]? fields)) return [path];
        return mapping.SelectMany(entry =>
        {
            string name = entry.Key.ToString();
            string? field = fields.FirstOrDefault(field => field.Split(':')[0] == name);
            if (field is null) return [$"{path}.{name}"];
            return field.Contains(':', StringComparison.Ordinal) ? Unknown(entry.Value, field.Split(':')[1], $"{path}.{name}") : [];
        });
    }
}
