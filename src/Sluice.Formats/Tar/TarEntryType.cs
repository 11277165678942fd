using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

/// <summary>
/// What a tar entry is. Except for <see cref="HardLink"/>, which is a further name of an earlier entry and no inode of its
/// own, the numbers are those of <see cref="FileType"/>: a cast converts.
/// </summary>
public enum TarEntryType : ushort
{
    HardLink = 1,
    Fifo = FileType.Fifo,
    CharacterDevice = FileType.CharacterDevice,
    Directory = FileType.Directory,
    BlockDevice = FileType.BlockDevice,
    Regular = FileType.Regular,
    SymbolicLink = FileType.SymbolicLink,
}
