using System.Text.Json.Serialization;

namespace Sluice.Node.Explain;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Explanation))]
public sealed partial class ExplainJson : JsonSerializerContext;
