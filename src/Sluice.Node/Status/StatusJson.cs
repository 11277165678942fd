using System.Text.Json.Serialization;

namespace Sluice.Node.Status;

/// <summary>Reads and writes status answers. They are larger than other messages of the admin API, so the serializer does it.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(NodeStatus))]
[JsonSerializable(typeof(ImageList))]
public sealed partial class StatusJson : JsonSerializerContext;

/// <summary>Answer to <c>GET /v1/images</c>.</summary>
/// <param name="Images">By name.</param>
public sealed record ImageList(IReadOnlyList<ImageStatus> Images);
