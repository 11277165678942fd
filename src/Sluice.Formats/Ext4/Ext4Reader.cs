namespace Sluice.Formats.Ext4;

/// <summary>Reads the tree of an ext4 file system from its device.</summary>
public static class Ext4Reader
{
    /// <summary>
    /// Reads all directories and inodes; no content of files. Memory and time are bounded by what the device holds as metadata,
    /// and by 16 million names.
    /// </summary>
    /// <exception cref="InvalidFormatException">No ext4, a damaged one, or one that was made to harm.</exception>
    /// <exception cref="SluiceException">A feature or state that is not supported; the message names it.</exception>
    public static Ext4Image Read(IBlockStore store) => new Ext4TreeReader(new Ext4Volume(store, forWriting: false)).Read();
}
