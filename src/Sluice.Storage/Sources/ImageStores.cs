using Sluice.Formats.Oci;
using Sluice.Storage.Sources.Devices;
using Sluice.Storage.Sources.Extra;
using Sluice.Storage.Sources.Layouts;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Storage.Sources;

/// <summary>Opens the place that an image reference names.</summary>
public static class ImageStores
{
    /// <summary>
    /// Makes a store without touching network or disk, except for the host configuration of registries. The caller
    /// disposes it; disposing an archive that was written to is what packs the file. A registry's store with shared connections follows their changes
    /// (<see cref="RegistryConnections.Prepare"/>).
    /// </summary>
    /// <exception cref="Formats.SluiceException"><see cref="Formats.SluiceError.Configuration"/>: a <c>hosts.toml</c> or certificate file is wrong.</exception>
    public static IImageStore Open(ImageReference reference, SourceOptions options) => reference.Transport switch
    {
        ImageTransport.Layout => new LayoutStore(reference.Path),
        ImageTransport.Archive => new ArchiveStore(reference.Path),
        ImageTransport.Device => new DeviceStore(reference.Path, options),
        _ => OpenRegistry(reference, options),
    };

    private static IImageStore OpenRegistry(ImageReference reference, SourceOptions options)
    {
        if (options.Connections is { } shared) return new SupplementedStore(reference, shared.Newer ?? options, shared, ownsConnections: false);
        if (options.ExtraSources.Count == 0) return new RegistryStore(reference.Host, reference.Repository, options);
        return new SupplementedStore(reference, options, new RegistryConnections(options), ownsConnections: true);
    }
}
