using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

public sealed partial class TarWriter
{
    /// <summary>What no reader, ours included, would take back as it was given.</summary>
    private static void CheckEntry(TarEntry entry)
    {
        CheckPath(entry.Path);
        bool isLink = entry.Type is TarEntryType.SymbolicLink or TarEntryType.HardLink;
        if (entry.Type == TarEntryType.HardLink) CheckPath(entry.LinkTarget);
        if (isLink == entry.LinkTarget.IsEmpty || entry.LinkTarget.Bytes.Contains((byte)0))
        {
            throw Refused(entry, isLink ? "it needs a link target without NUL bytes" : "only links have a target");
        }

        bool isDevice = entry.Type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice;
        if (entry.Path.IsEmpty && entry.Type != TarEntryType.Directory) throw Refused(entry, "only a directory can be the root");
        if (entry.Path.Length + entry.LinkTarget.Length >= TarLimits.Names) throw Refused(entry, $"its names are longer than {TarLimits.Names} bytes");
        if (entry.Size is < 0 or > TarLimits.Size) throw Refused(entry, "its size is out of range");
        if (entry.Size != 0 && entry.Type != TarEntryType.Regular) throw Refused(entry, "only regular files have content");
        if (entry.Device != default && !isDevice) throw Refused(entry, "only devices have a device number");
        if (entry.Mode > 0xFFF) throw Refused(entry, "its mode has bits beyond 07777");
        if (!IsTime(entry.ModificationTime) || !IsTime(entry.AccessTime) || !IsTime(entry.ChangeTime)) throw Refused(entry, "its nanoseconds are out of range");
        if (entry.SparseMap is not null) CheckSparseMap(entry);
        CheckAttributes(entry);
    }

    private static bool IsTime(FileTime? time) => time is not { Nanoseconds: > 999_999_999 };

    private static void CheckPath(FileName path)
    {
        FileName normal;
        try
        {
            normal = TarPath.Normalise(path.Bytes, -1);
        }
        catch (InvalidFormatException error)
        {
            throw new ArgumentException(error.Message, nameof(path), error);
        }

        if (normal != path) throw new ArgumentException($"path '{path}' is not normal: '{normal}' would be", nameof(path));
    }

    private static void CheckSparseMap(TarEntry entry)
    {
        if (entry.Type != TarEntryType.Regular) throw Refused(entry, "only regular files have a sparse map");
        if (entry.SparseMap!.Count >= TarLimits.SparseRuns) throw Refused(entry, $"its sparse map has {TarLimits.SparseRuns} runs or more");
        long end = 0;
        foreach (SparseRun run in entry.SparseMap)
        {
            if (run.Length <= 0 || run.Offset < end || run.Length > entry.Size - run.Offset) throw Refused(entry, "its sparse map is out of order");
            end = run.Offset + run.Length;
        }
    }

    private static void CheckAttributes(TarEntry entry)
    {
        int nameBytes = 0;
        long total = 0;
        for (int i = 0; i < entry.ExtendedAttributes.Count; i++)
        {
            ExtendedAttribute attribute = entry.ExtendedAttributes[i];
            if (attribute.Name.Length is 0 or > TarLimits.AttributeName || attribute.Name.Bytes.Contains((byte)0))
            {
                throw Refused(entry, $"the name of its extended attribute '{attribute.Name}' can't be");
            }

            if (attribute.Value.Length > TarLimits.AttributeValue) throw Refused(entry, $"extended attribute '{attribute.Name}' is too long");
            if (i > 0 && entry.ExtendedAttributes[i - 1].Name >= attribute.Name) throw Refused(entry, "its extended attributes are not sorted and unique");
            nameBytes += attribute.Name.Length + 1;
            total += attribute.Value.Length + 3L * attribute.Name.Length + 32;
        }

        if (nameBytes > TarLimits.AttributeNames || total > TarLimits.ExtensionHeader - TarLimits.Names * 2L)
        {
            throw Refused(entry, "its extended attributes are too many");
        }
    }

    private static ArgumentException Refused(TarEntry entry, string why) => new($"tar entry '{entry.Path}': {why}", nameof(entry));
}
