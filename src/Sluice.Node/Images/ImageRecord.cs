using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Formats.Oci;

namespace Sluice.Node.Images;

/// <summary>What the node keeps about an image beside its metadata, as <c>image.json</c>.</summary>
/// <param name="Reference">Full name with transport, where the blobs come from.</param>
/// <param name="Manifest">Digest of the manifest.</param>
/// <param name="Bootstrap">sha256 of <c>image.boot</c>: it finds what rotted on the disk.</param>
/// <param name="Blobs">Sizes of the manifest's layers by digest.</param>
/// <param name="DiffId">Of a RAFS image, what its topmost layer was found to be; null of a block image, and in records of earlier versions.</param>
internal sealed record ImageRecord(string Reference, Digest Manifest, Digest Bootstrap, IReadOnlyDictionary<string, long> Blobs, Digest? DiffId = null)
{
    /// <summary>What people and containerd call the image: the reference, without transport if that is a registry.</summary>
    public string Name => Reference.StartsWith(RegistryPrefix, StringComparison.Ordinal) ? Reference[RegistryPrefix.Length..] : Reference;

    private const string RegistryPrefix = "docker://";
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StoredRecord))]
internal sealed partial class ImageRecordJson : JsonSerializerContext;

/// <summary><see cref="ImageRecord"/> as it is stored; <paramref name="Version"/> is 1.</summary>
/// <param name="Checksum">sha256 of this record as it would be stored with an empty checksum.</param>
internal sealed record StoredRecord(int Version, string Reference, string Manifest, string Bootstrap, Dictionary<string, long> Blobs, string Checksum)
{
    /// <summary>Not written where there is none, so that the checksums of earlier versions hold.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? DiffId { get; init; }

    /// <summary>The same with its checksum.</summary>
    public StoredRecord Seal() => this with { Checksum = Digest.Sha256(JsonSerializer.SerializeToUtf8Bytes(this with { Checksum = "" }, ImageRecordJson.Default.StoredRecord)).ToString() };

    /// <summary>True if nothing is missing and the checksum is right.</summary>
    public bool IsIntact() => Version == 1 && Reference is not null && Manifest is not null && Bootstrap is not null && Blobs is not null && Seal().Checksum == Checksum;
}
