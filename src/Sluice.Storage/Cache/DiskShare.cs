namespace Sluice.Storage.Cache;

/// <summary>An amount of disk space: bytes, or percent of the file system. The default is nothing.</summary>
public readonly record struct DiskShare
{
    private DiskShare(long bytes, int percent) => (Bytes, Percent) = (bytes, percent);

    public long Bytes { get; }

    public int Percent { get; }

    public bool IsNone => Bytes == 0 && Percent == 0;

    public static DiskShare OfBytes(long bytes) => new(bytes, 0);

    /// <param name="percent">0 to 100.</param>
    public static DiskShare OfFileSystem(int percent) => new(0, percent);

    /// <param name="total">Bytes of the file system.</param>
    public long In(long total) => Bytes + (total / 100 * Percent);
}
