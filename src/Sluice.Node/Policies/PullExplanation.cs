using System.Text.Json.Serialization;
using Sluice.Node.Configuration;

namespace Sluice.Node.Policies;

/// <summary>Answer to <c>GET /v1/policy</c>: how an image would come here, and what that follows from; docs/admin-api.md says what each field means.</summary>
/// <param name="Name">Of the image, as patterns are compared with it.</param>
/// <param name="Digest">Of its manifest.</param>
/// <param name="Rule">The pattern that matches; null: none.</param>
/// <param name="Policy">What that says, or what holds without one.</param>
/// <param name="Start">Null: no start of the image is known.</param>
/// <param name="Mode">What was chosen.</param>
/// <param name="Trace">What its starts read is kept.</param>
public sealed record PullExplanation(string Name, string Digest, string? Rule, string Policy, ImageFacts Image, LinkFacts Link, StartFacts? Start, PullMode Mode, IReadOnlyList<PullReason> Reasons, bool Trace = true);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PullExplanation))]
public sealed partial class PullExplanationJson : JsonSerializerContext;
