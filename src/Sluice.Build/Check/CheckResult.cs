namespace Sluice.Build.Check;

/// <summary>What a check found.</summary>
/// <param name="Differences">The first ones; empty if the images are the same.</param>
/// <param name="DifferenceCount">All of them.</param>
/// <param name="Compared">Names that both trees have.</param>
/// <param name="ContentCompared">False if the two sides have different chunks and no content was to be fetched.</param>
/// <param name="ChunksVerified">Stored chunks that were fetched and had the right digest.</param>
/// <param name="BytesFetched">Bytes of layers and blobs, as stored.</param>
/// <param name="Notes">What the check could not do or has passed over, one line each.</param>
public sealed record CheckResult(
    IReadOnlyList<Difference> Differences,
    long DifferenceCount,
    long Compared,
    bool ContentCompared,
    long ChunksVerified,
    long BytesFetched,
    IReadOnlyList<string> Notes)
{
    public bool Same => DifferenceCount == 0;
}
