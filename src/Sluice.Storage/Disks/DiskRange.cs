namespace Sluice.Storage.Disks;

internal static class DiskRange
{
    public static bool Contains(IDisk disk, long offset, int length) => offset >= 0 && offset <= disk.Length - length;
}
