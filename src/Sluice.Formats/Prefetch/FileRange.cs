using Sluice.Formats.Trees;

namespace Sluice.Formats.Prefetch;

/// <summary>Part of a file of an image that a start needs.</summary>
/// <param name="Path">Absolute, links not followed. It may be a directory if all is meant: every file in it.</param>
/// <param name="Offset">Bytes from the beginning of the file.</param>
/// <param name="Length">Bytes, or <see cref="All"/>.</param>
public readonly record struct FileRange(FileName Path, long Offset, long Length)
{
    /// <summary>To the end of the file.</summary>
    public const long All = long.MaxValue;

    /// <summary>All of a file, or of a directory.</summary>
    public FileRange(FileName path)
        : this(path, 0, All)
    {
    }

    public bool IsAll => Offset == 0 && Length == All;

    /// <summary>Where it ends.</summary>
    public long End => Length > long.MaxValue - Offset ? long.MaxValue : Offset + Length;
}
