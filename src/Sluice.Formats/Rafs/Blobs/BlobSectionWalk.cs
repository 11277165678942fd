namespace Sluice.Formats.Rafs.Blobs;

/// <summary>
/// Finds the sections of a blob that has no TOC, from its end: the last 512 bytes are a tar header, the section lies before
/// it, the next header before that. The walk does no reading; it says which header it needs next:
/// <code>
/// var walk = new BlobSectionWalk(size);
/// while (walk.NextHeaderOffset is { } offset) walk.Add(Read(offset, BlobTarHeader.Size));
/// </code>
/// It ends at the start of the blob or at the first 512 bytes that are no header (a plain blob has none at all).
/// </summary>
public sealed class BlobSectionWalk
{
    /// <summary>Real blobs have at most five sections; the rest is room for what later writers add.</summary>
    private const int MaxSections = 16;

    private readonly List<BlobSection> _sections = [];

    /// <param name="blobSize">Size of the whole blob in bytes.</param>
    public BlobSectionWalk(long blobSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(blobSize);
        Step(blobSize);
    }

    /// <summary>Where the next tar header would start, or null when the walk is over.</summary>
    public long? NextHeaderOffset { get; private set; }

    /// <summary>Bytes at the start of the blob that belong to no section.</summary>
    public long UnclaimedSize { get; private set; }

    /// <summary>What was found, in file order.</summary>
    public IReadOnlyList<BlobSection> Sections => _sections;

    /// <summary>Walks a blob that is in memory as a whole.</summary>
    public static BlobSectionWalk Over(ReadOnlySpan<byte> blob)
    {
        var walk = new BlobSectionWalk(blob.Length);
        while (walk.NextHeaderOffset is { } offset) walk.Add(blob.Slice((int)offset, BlobTarHeader.Size));
        return walk;
    }

    /// <summary>Takes the 512 bytes at <see cref="NextHeaderOffset"/>.</summary>
    /// <exception cref="InvalidFormatException">The header claims more bytes than lie before it.</exception>
    public void Add(ReadOnlySpan<byte> header)
    {
        long offset = NextHeaderOffset ?? throw new InvalidOperationException("the walk is over");
        if (!BlobTarHeader.TryRead(header, out string name, out long size))
        {
            NextHeaderOffset = null;
            return;
        }

        if (size > offset) throw new InvalidFormatException("nydus blob", $"section '{name}' of {size} bytes starts before the blob", offset);
        if (_sections.Count == MaxSections) throw new InvalidFormatException("nydus blob", $"more than {MaxSections} sections", offset);
        _sections.Insert(0, new BlobSection(name, offset - size, size));
        Step(offset - size);
    }

    public BlobSection? Find(string name)
    {
        int index = _sections.FindIndex(section => section.Name == name);
        return index < 0 ? null : _sections[index];
    }

    private void Step(long end)
    {
        UnclaimedSize = end;
        NextHeaderOffset = end >= BlobTarHeader.Size ? end - BlobTarHeader.Size : null;
    }
}
