using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>Kubernetes' way into containerd. Source: containerd docs/cri/config.md; both flags are at their worst when nothing is said.</summary>
internal sealed class CriCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        ContainerdConfiguration file = node.ContainerdConfiguration;
        if (file.Error is not null || !file.Exists || !file.HasCri) yield break;
        string name = ProxyPluginCheck.NameOf(node) ?? "sluice";
        if (file.FindCri("snapshotter")?.Text != name && !IsOfARuntime(file, name))
        {
            yield return new Finding(
                "cri-snapshotter", Severity.Warning, file.Path, $"CRI makes snapshots with \"{file.FindCri("snapshotter")?.Text ?? "overlayfs"}\": pods never start lazily; what names --snapshotter {name} does",
                file.MendLine(node.Files, file.CriTable, "snapshotter", $"\"{name}\""));
        }
        else if (file.FindCri("disable_snapshot_annotations")?.Value.Content is not false)
        {
            yield return new Finding(
                "cri-annotations", Severity.Error, file.FindCri("disable_snapshot_annotations")?.Place ?? file.Path,
                $"disable_snapshot_annotations is true{(file.FindCri("disable_snapshot_annotations") is null ? ", its default" : "")}: CRI does not say which image a layer belongs to, so that no pod starts lazily",
                file.MendLine(node.Files, file.CriTable, "disable_snapshot_annotations", "false"));
        }

        if (file.FindCri("discard_unpacked_layers") is { IsTrue: true } discard)
        {
            yield return new Finding(
                "cri-discard-layers", Severity.Warning, discard.Place, "discard_unpacked_layers is true: containerd forgets the layers of what it has pulled; ordinary images that share some, and commits, download them again",
                file.MendLine(node.Files, file.CriTable, "discard_unpacked_layers", "false"));
        }
    }

    /// <summary>A runtime class may have a snapshotter of its own.</summary>
    private static bool IsOfARuntime(ContainerdConfiguration file, string name)
    {
        string[][] places = [["plugins", "io.containerd.cri.v1.runtime", "containerd", "runtimes"], ["plugins", "io.containerd.grpc.v1.cri", "containerd", "runtimes"]];
        return places.Any(place => file.Tables(place).Any(runtime => file.Find([.. place, runtime], "snapshotter")?.Text == name));
    }
}
