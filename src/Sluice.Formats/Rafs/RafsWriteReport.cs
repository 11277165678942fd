using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs;

/// <summary>What came out of writing a bootstrap.</summary>
public sealed record RafsWriteReport
{
    /// <summary>Bytes of the bootstrap.</summary>
    public required long Size { get; init; }

    /// <summary>Distinct inodes; hard links count once.</summary>
    public required int Inodes { get; init; }

    /// <summary>Distinct chunks that files use.</summary>
    public required int Chunks { get; init; }

    /// <summary>Attributes that EROFS cannot hold and that are therefore missing in the bootstrap.</summary>
    public IReadOnlyList<DroppedAttribute> Dropped { get; init; } = [];
}

/// <summary>
/// An attribute that was left out: its prefix is not <c>user. trusted. security. system.posix_acl_*</c>, nothing follows
/// the prefix, or the value is larger than 65,535 bytes.
/// </summary>
public readonly record struct DroppedAttribute(FileName Path, FileName Name);
