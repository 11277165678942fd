namespace Sluice.Storage.Disks;

/// <summary>What the disks that are made of parts share.</summary>
internal static class DiskRange
{
    public static bool Contains(IDisk disk, long offset, int length) => offset >= 0 && offset <= disk.Length - length;

    /// <summary>Waits for the reads of all parts, also after an error: they write to the caller's memory.</summary>
    /// <param name="error">Of the parts that are done.</param>
    public static async ValueTask<DiskError> EndAsync(List<Task<DiskError>> waiting, DiskError error)
    {
        foreach (DiskError outcome in await Task.WhenAll(waiting))
            if (outcome != DiskError.None) error = outcome;
        return error;
    }
}
