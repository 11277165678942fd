using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

/// <summary>One entry of a tar archive: what <see cref="TarReader"/> returns and <see cref="TarWriter"/> takes.</summary>
public sealed class TarEntry
{
    /// <summary>
    /// Path from the root, without leading or trailing slash and without <c>.</c>, <c>..</c> and empty components.
    /// Empty for the root directory itself.
    /// </summary>
    public required FileName Path { get; init; }

    public required TarEntryType Type { get; init; }

    /// <summary>
    /// Symbolic links: the target, byte for byte as written. Hard links: the path of the earlier entry, in the form of
    /// <see cref="Path"/>. Empty for everything else.
    /// </summary>
    public FileName LinkTarget { get; init; }

    /// <summary>Permission bits with setuid, setgid and sticky: 0..07777.</summary>
    public ushort Mode { get; init; }

    public uint UserId { get; init; }

    public uint GroupId { get; init; }

    public FileTime ModificationTime { get; init; }

    /// <summary>Only PAX archives hold it.</summary>
    public FileTime? AccessTime { get; init; }

    /// <summary>Only PAX archives hold it.</summary>
    public FileTime? ChangeTime { get; init; }

    /// <summary>Bytes of the file as a reader sees it, holes included; 0 for everything but regular files.</summary>
    public long Size { get; init; }

    /// <summary>Only for character and block devices; 0:0 for everything else.</summary>
    public DeviceNumber Device { get; init; }

    /// <summary>Sorted by name; names are unique (of several the archive's last one counts).</summary>
    public IReadOnlyList<ExtendedAttribute> ExtendedAttributes { get; init; } = [];

    /// <summary>
    /// Null when the archive holds the whole content; otherwise the runs it holds: sorted, disjoint, none empty, all
    /// within <see cref="Size"/>. An empty list is a file that is one hole.
    /// </summary>
    public IReadOnlyList<SparseRun>? SparseMap { get; init; }
}
