namespace Sluice.Storage.Disks;

/// <summary>How much of a disk is here.</summary>
/// <param name="Local">Bytes of the chunks that are stored, checked by this process or not yet.</param>
/// <param name="Whole">Bytes of all chunks; gaps between them, which are zeros, don't count.</param>
public readonly record struct DiskFill(long Local, long Whole)
{
    public bool IsComplete => Local == Whole;

    public static DiskFill operator +(DiskFill one, DiskFill other) => new(one.Local + other.Local, one.Whole + other.Whole);
}
