using Sluice.Containerd.Snapshots;
using Sluice.Formats;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.Rafs.Artifacts;
using Sluice.Node.Images;

namespace Sluice.Node.Tests.Images;

public sealed class LayerRoleTests
{
    [Fact]
    public void OfABlockImageTheTopmostLayerCompletes()
    {
        Assert.Equal(LayerRole.Data, Of((OverlayBdAnnotations.BlobDigest, "x"), (SnapshotLabels.ImageLayers, "sha256:a,sha256:b")));
        Assert.Equal(LayerRole.Completes, Of((OverlayBdAnnotations.BlobDigest, "x"), (SnapshotLabels.ImageLayers, "sha256:b")));
        Assert.Equal(LayerRole.Completes, Of((OverlayBdAnnotations.BlobDigest, "x")));
    }

    [Fact]
    public void OfARafsImageTheBootstrapCompletes()
    {
        Assert.Equal(LayerRole.Data, Of((NydusAnnotations.Blob, "true")));
        Assert.Equal(LayerRole.Completes, Of((NydusAnnotations.Bootstrap, "true")));
        Assert.Null(Of((SnapshotLabels.ImageLayers, "sha256:b")));
    }

    [Fact]
    public void TurboOciIsNoOrdinaryLayer() =>
        Assert.Throws<SluiceException>(() => Of((OverlayBdAnnotations.BlobDigest, "x"), (OverlayBdAnnotations.TargetDigest, "y")));

    private static LayerRole? Of(params (string Name, string Value)[] labels) =>
        LayerRoles.Of(labels.ToDictionary(label => label.Name, label => label.Value, StringComparer.Ordinal));
}
