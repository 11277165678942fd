using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Build.Convert;

/// <summary>Manifest and configuration of a converted image: the source's, with other layers.</summary>
internal static class ConvertedManifest
{
    /// <summary>The source's configuration.</summary>
    /// <exception cref="SluiceException">The source is no ordinary container image.</exception>
    public static async Task<ImageConfig> ReadSourceAsync(StoredImage source, CancellationToken cancellation)
    {
        string? kind = source.BootstrapLayer is not null ? "a RAFS" : OverlayBdAnnotations.AreOn(source.Manifest) ? "an OverlayBD" : null;
        if (kind is not null) throw new SluiceException(SluiceError.Image, source.Store.Name, $"{source.Stored.Digest} is {kind} image already", "give the ordinary image as SRC");
        if (!source.Manifest.IsContainerImage) throw new SluiceException(SluiceError.Image, source.Store.Name, $"{source.Stored.Digest} is not a container image but {source.Manifest.EffectiveArtifactType}");
        ImageConfig config = await source.ReadConfigAsync(cancellation);
        config.CheckLayers(source.Manifest);
        return config;
    }

    /// <summary>Stores configuration and manifest, the latter without a tag.</summary>
    public static async Task<Descriptor> PushAsync(StoredImage source, ImageConfig config, IReadOnlyList<Descriptor> layers, IImageStore destination, CancellationToken cancellation)
    {
        bool docker = source.Stored.MediaType == MediaTypes.DockerManifest;
        var manifest = new ImageManifest
        {
            Config = await destination.PushAsync(config.ToBytes(), docker ? MediaTypes.OciConfig : source.Manifest.Config.MediaType, cancellation),
            Layers = layers,
            Annotations = source.Manifest.Annotations,
            Extra = source.Manifest.Extra,
        };
        byte[] content = manifest.ToBytes();
        var stored = new StoredManifest(MediaTypes.OciManifest, Digest.Sha256(content), content);
        await destination.PutManifestAsync(stored, tag: null, cancellation);
        return stored.ToDescriptor();
    }
}
