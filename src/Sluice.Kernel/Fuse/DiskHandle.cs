namespace Sluice.Kernel.Fuse;

/// <summary>
/// What an open file of a writable disk is known by: the place of the disk in the table, and how often the connection had been taken over when
/// it was opened. So a server tells the opens that it has answered, and counted, from those of its predecessors.
/// </summary>
internal static class DiskHandle
{
    private const int PlaceBits = 40;
    private const ulong PlaceMask = (1UL << PlaceBits) - 1;

    public static ulong Make(ulong place, ulong epoch) => (epoch << PlaceBits) | (place & PlaceMask);

    public static ulong PlaceOf(ulong handle) => handle & PlaceMask;

    public static bool IsOfOnePlace(ulong one, ulong other) => PlaceOf(one) == PlaceOf(other);
}
