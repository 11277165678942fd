using System.Text;
using Sluice.Containerd.Snapshots;

namespace Sluice.Containerd.Client;

/// <summary>The labels with which a layer's snapshot is prepared: the same that containerd's CRI plugin sends.</summary>
internal static class LayerLabels
{
    public static Dictionary<string, string> For(ImageToRegister image, int index, string chainId)
    {
        LayerToRegister layer = image.Layers[index];
        Dictionary<string, string> labels = new(StringComparer.Ordinal);
        foreach ((string name, string value) in layer.Annotations)
        {
            if (name.StartsWith(SnapshotLabels.InheritedPrefix, StringComparison.Ordinal) && Fits(name, value)) labels[name] = value;
        }

        labels[SnapshotLabels.Reference] = chainId;
        labels[SnapshotLabels.ImageReference] = image.Name;
        labels[SnapshotLabels.ManifestDigest] = image.Manifest.Digest.ToString();
        labels[SnapshotLabels.LayerDigest] = layer.Digest.ToString();
        labels[SnapshotLabels.ImageLayers] = Layers(image, index);
        return labels;
    }

    private static string Layers(ImageToRegister image, int first)
    {
        StringBuilder text = new();
        foreach (LayerToRegister layer in image.Layers.Skip(first))
        {
            string item = text.Length == 0 ? layer.Digest.ToString() : $",{layer.Digest}";
            if (SnapshotLabels.ImageLayers.Length + text.Length + item.Length > SnapshotLabels.MaxLength) break;
            text.Append(item);
        }

        return text.ToString();
    }

    private static bool Fits(string name, string value) => Encoding.UTF8.GetByteCount(name) + Encoding.UTF8.GetByteCount(value) <= SnapshotLabels.MaxLength;
}
