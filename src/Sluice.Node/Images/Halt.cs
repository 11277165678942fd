using System.Text.Json.Serialization;

namespace Sluice.Node.Images;

/// <summary>Something that stands still: a frozen file system, or the processes of a container.</summary>
/// <param name="Directory">Where the file system is mounted; null for a container.</param>
/// <param name="Containerd">Socket of the containerd that has the container.</param>
/// <param name="Namespace">Of the container.</param>
/// <param name="Container">Its id.</param>
internal sealed record Halt(string? Directory, string? Containerd = null, string? Namespace = null, string? Container = null)
{
    public override string ToString() => Directory ?? $"container {Container}";
}

[JsonSerializable(typeof(Halt))]
internal sealed partial class HaltJson : JsonSerializerContext;
