namespace Sluice.Kernel.Mounts;

/// <summary>An overlayfs to mount.</summary>
public sealed record OverlayMount
{
    /// <summary>Lower directories, topmost first; at least one, at least two where there is no upper.</summary>
    public required IReadOnlyList<string> Lower { get; init; }

    /// <summary>Where changes go, or null for a read-only mount.</summary>
    public string? Upper { get; init; }

    /// <summary>Empty directory on the file system of <see cref="Upper"/>; needed with it.</summary>
    public string? Work { get; init; }

    /// <summary>Existing directory to mount on.</summary>
    public required string Target { get; init; }

    /// <summary>Further options, <c>name</c> or <c>name=value</c>: <c>volatile</c>, <c>index=off</c> …</summary>
    public IReadOnlyList<string> Options { get; init; } = [];
}
