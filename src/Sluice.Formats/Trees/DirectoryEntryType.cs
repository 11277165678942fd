namespace Sluice.Formats.Trees;

/// <summary>How directory entries say what they name; ext4 and EROFS use the same numbers.</summary>
internal static class DirectoryEntryType
{
    /// <summary><c>FT_REG_FILE</c> = 1 … <c>FT_SYMLINK</c> = 7; 0 for what is no file type.</summary>
    public static byte Of(FileType type) => type switch
    {
        FileType.Regular => 1,
        FileType.Directory => 2,
        FileType.CharacterDevice => 3,
        FileType.BlockDevice => 4,
        FileType.Fifo => 5,
        FileType.Socket => 6,
        FileType.SymbolicLink => 7,
        _ => 0,
    };
}
