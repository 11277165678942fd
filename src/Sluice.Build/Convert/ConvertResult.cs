using Sluice.Formats.Oci;

namespace Sluice.Build.Convert;

/// <summary>What a conversion made.</summary>
/// <param name="Manifest">The manifest or index that the destination name now means.</param>
public sealed record ConvertResult(Descriptor Manifest, IReadOnlyList<ConvertedImage> Images);

/// <summary>One platform's image.</summary>
/// <param name="BootstrapSize">0 in an OverlayBD image.</param>
/// <param name="Warnings">What could not be carried over, one line each.</param>
public sealed record ConvertedImage(Descriptor Source, Descriptor Manifest, IReadOnlyList<ConvertedLayer> Layers, long BootstrapSize, IReadOnlyList<string> Warnings);

/// <summary>One layer. Sizes are bytes as stored.</summary>
/// <param name="Reused">The destination had it from an earlier conversion.</param>
/// <param name="Chunks">Chunks in the blob; of a block layer its compressed blocks.</param>
/// <param name="DuplicateBytes">Plain bytes that an earlier chunk of the image already held; of a block layer, metadata that the layers below hold.</param>
public sealed record ConvertedLayer(Descriptor Source, Descriptor Blob, bool Reused, int Chunks, long DuplicateBytes);
