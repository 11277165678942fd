namespace Sluice.Formats.Ext4;

/// <summary>A run of a file's blocks that are contiguous on the device; all in blocks of 4 KiB.</summary>
/// <param name="Logical">First block of the file, below 2^32.</param>
/// <param name="Physical">First block of the device.</param>
/// <param name="Count">1..<see cref="MaxCount"/>.</param>
public readonly record struct Ext4Extent(long Logical, long Physical, int Count)
{
    /// <summary>Longest run that one entry of an extent tree can name: 128 MiB.</summary>
    public const int MaxCount = 1 << 15;

    public long End => Logical + Count;
}
