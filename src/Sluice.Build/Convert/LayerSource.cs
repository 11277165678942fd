using Sluice.Formats.Oci;

namespace Sluice.Build.Convert;

/// <summary>A layer to be read.</summary>
/// <param name="DiffId">What the tar in it must be.</param>
/// <param name="Open">Opens the blob as it is stored; the calling thread waits for the source.</param>
internal sealed record LayerSource(Descriptor Layer, Digest DiffId, Func<Stream> Open);
