namespace Sluice.Formats.Tar;

/// <summary>Values of the header's type byte.</summary>
internal static class TarTypeFlag
{
    public const byte OldRegular = 0;
    public const byte Regular = (byte)'0';
    public const byte HardLink = (byte)'1';
    public const byte SymbolicLink = (byte)'2';
    public const byte CharacterDevice = (byte)'3';
    public const byte BlockDevice = (byte)'4';
    public const byte Directory = (byte)'5';
    public const byte Fifo = (byte)'6';

    /// <summary>A file that its system stored contiguously: an ordinary file for everybody else.</summary>
    public const byte Contiguous = (byte)'7';

    public const byte PaxEntry = (byte)'x';
    public const byte PaxGlobal = (byte)'g';

    /// <summary>Solaris before 10: PAX records under its own letter.</summary>
    public const byte SolarisEntry = (byte)'X';

    /// <summary>Solaris ACL and extended attribute files: both describe their neighbour in Solaris' own terms.</summary>
    public const byte SolarisAcl = (byte)'A';
    public const byte SolarisAttributes = (byte)'E';

    public const byte GnuLongName = (byte)'L';
    public const byte GnuLongLink = (byte)'K';
    public const byte GnuSparse = (byte)'S';

    /// <summary>GNU incremental backup: a directory whose content is the list of its names.</summary>
    public const byte GnuDumpDirectory = (byte)'D';
    public const byte GnuMultiVolume = (byte)'M';
    public const byte GnuVolumeLabel = (byte)'V';
}
