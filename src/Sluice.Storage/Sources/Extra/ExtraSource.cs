using System.IO.Enumeration;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Storage.Sources.Extra;

/// <summary>Makes the extra sources of an image.</summary>
internal static class ExtraSource
{
    /// <summary>Those that are asked before the registry, and those after it, in the order of the configuration.</summary>
    public static (IReadOnlyList<IBlobSource> First, IReadOnlyList<IBlobSource> Last) OpenAll(ImageReference image, SourceOptions options, RegistryConnections connections)
    {
        ExtraSourceOptions[] fitting = [.. options.ExtraSources.Where(source => source.Images.Any(pattern => Fits(pattern, image)))];
        return (Open(ExtraSourceOrder.First), Open(ExtraSourceOrder.Last));

        IReadOnlyList<IBlobSource> Open(ExtraSourceOrder order) => [.. fitting.Where(source => source.Order == order).Select(source => ExtraSource.Open(source, options, connections))];
    }

    public static IBlobSource Open(ExtraSourceOptions source, SourceOptions options, RegistryConnections connections) => source.Kind switch
    {
        ExtraSourceKind.Directory => new DirectorySource(source, connections.Places.Get(source.Name)),
        ExtraSourceKind.Http => new ObjectSource(source, null, options, connections),
        _ => new ObjectSource(source, new S3Signer(source, options.Time), options, connections),
    };

    internal static bool Fits(string pattern, ImageReference image) =>
        FileSystemName.MatchesSimpleExpression(pattern, image.Host) || FileSystemName.MatchesSimpleExpression(pattern, $"{image.Host}/{image.Repository}");
}
