using System.Text.Json.Serialization;

namespace Sluice.Node.Policies;

/// <summary>What the layers of an image are.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ImageKind>))]
public enum ImageKind
{
    /// <summary>Tars: nothing of them can be used before all of them is here.</summary>
    [JsonStringEnumMemberName("ordinary")]
    Ordinary,

    [JsonStringEnumMemberName("rafs")]
    Rafs,

    [JsonStringEnumMemberName("overlaybd")]
    Block,
}
