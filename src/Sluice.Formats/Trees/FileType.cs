namespace Sluice.Formats.Trees;

/// <summary>The seven kinds of file. The numbers are the file type bits of <c>st_mode</c>.</summary>
public enum FileType : ushort
{
    Fifo = 0x1000,
    CharacterDevice = 0x2000,
    Directory = 0x4000,
    BlockDevice = 0x6000,
    Regular = 0x8000,
    SymbolicLink = 0xA000,
    Socket = 0xC000,
}
