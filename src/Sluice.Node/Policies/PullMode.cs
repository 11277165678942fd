using System.Text.Json.Serialization;

namespace Sluice.Node.Policies;

/// <summary>How an image comes here.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PullMode>))]
public enum PullMode
{
    /// <summary>What is read is fetched; an ordinary image is downloaded and unpacked by containerd.</summary>
    [JsonStringEnumMemberName("lazy")]
    Lazy,

    /// <summary>All of it is fetched from the pull on, at the speed of the link.</summary>
    [JsonStringEnumMemberName("eager")]
    Eager,
}
