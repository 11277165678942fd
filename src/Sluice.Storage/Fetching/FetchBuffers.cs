using System.Buffers;

namespace Sluice.Storage.Fetching;

/// <summary>
/// Memory for what fetches bring. A pool of its own, as the shared one keeps arrays for every thread and core that ever gave one back: of the megabytes that these have, some tens
/// for a daemon that fetches now and then. Of each size this one keeps a few, and what is beyond that is garbage.
/// </summary>
internal static class FetchBuffers
{
    private const int LargestKept = 8 << 20;
    private const int KeptOfEachSize = 4;

    public static ArrayPool<byte> Pool { get; } = ArrayPool<byte>.Create(LargestKept, KeptOfEachSize);
}
