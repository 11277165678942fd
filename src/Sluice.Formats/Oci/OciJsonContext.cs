using System.Text.Json.Serialization;

namespace Sluice.Formats.Oci;

[JsonSourceGenerationOptions(
    AllowDuplicateProperties = false,
    MaxDepth = OciLimits.JsonDepth,
    RespectNullableAnnotations = true,
    GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ImageManifest))]
[JsonSerializable(typeof(ImageIndex))]
[JsonSerializable(typeof(HistoryEntry))]
internal sealed partial class OciJsonContext : JsonSerializerContext;
