using System.Text.Json.Serialization;
using Sluice.Formats.Oci;

namespace Sluice.Node.Images;

/// <summary>What the node keeps about an image beside its bootstrap, as <c>image.json</c>.</summary>
/// <param name="Reference">Full name with transport, where the blobs come from.</param>
/// <param name="Manifest">Digest of the manifest.</param>
/// <param name="Bootstrap">sha256 of <c>image.boot</c>: it finds what rotted on the disk.</param>
/// <param name="Blobs">Sizes of the manifest's layers by digest.</param>
internal sealed record ImageRecord(string Reference, Digest Manifest, Digest Bootstrap, IReadOnlyDictionary<string, long> Blobs);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StoredRecord))]
internal sealed partial class ImageRecordJson : JsonSerializerContext;

/// <summary><see cref="ImageRecord"/> as it is stored; <paramref name="Version"/> is 1.</summary>
internal sealed record StoredRecord(int Version, string Reference, string Manifest, string Bootstrap, Dictionary<string, long> Blobs);
