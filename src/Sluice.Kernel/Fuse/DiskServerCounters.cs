namespace Sluice.Kernel.Fuse;

/// <summary>Figures of a disk server at one moment.</summary>
/// <param name="Disks">Disks served now.</param>
/// <param name="Hits">Reads answered from local bytes since the start. Passthrough reads never arrive here.</param>
/// <param name="Misses">Reads that had to fetch, since the start.</param>
/// <param name="Fetching">Misses being fetched now.</param>
/// <param name="Waiting">Misses that wait for a place now.</param>
public readonly record struct DiskServerCounters(int Disks, long Hits, long Misses, int Fetching, int Waiting);
