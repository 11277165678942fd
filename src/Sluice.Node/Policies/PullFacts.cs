using Sluice.Node.Images;
using Sluice.Storage.Images;

namespace Sluice.Node.Policies;

/// <summary>What is known of an image.</summary>
/// <param name="Bytes">Of all layers, compressed.</param>
public sealed record ImageFacts(ImageKind Kind, long Bytes)
{
    internal static ImageFacts Of(StoredImage image) => new(
        image.BootstrapLayer is not null ? ImageKind.Rafs : RemoteBlockImage.FindLayers(image.Manifest) is not null ? ImageKind.Block : ImageKind.Ordinary, image.Manifest.Layers.Sum(layer => layer.Size));

    internal static ImageFacts Of(LocalImage image) => new(image.Content is BlockContent ? ImageKind.Block : ImageKind.Rafs, image.Record.Blobs.Values.Sum());
}

/// <summary>What is known of the way to an image's source, from what came over it lately.</summary>
/// <param name="Source">As errors name it.</param>
/// <param name="BytesPerSecond">Null: too little came to say.</param>
/// <param name="RoundTripSeconds">95 of 100 short requests took no longer; null: there were too few.</param>
public sealed record LinkFacts(string? Source = null, double? BytesPerSecond = null, double? RoundTripSeconds = null);
