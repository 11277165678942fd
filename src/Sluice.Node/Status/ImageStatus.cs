namespace Sluice.Node.Status;

/// <summary>One image of the answer to <c>GET /v1/images</c>; docs/admin-api.md says what each field means.</summary>
/// <param name="Digest">Of the manifest.</param>
/// <param name="Prefix">Not an image by itself: the lower layers of a block image that something is mounted on.</param>
/// <param name="Mounted">Mounted, or below a container's own disk.</param>
/// <param name="IsLocal">New containers get a local mount, which the kernel reads without the daemon.</param>
/// <param name="LocalBytes">Uncompressed bytes that are here; null while it is not mounted.</param>
/// <param name="WholeBytes">Uncompressed bytes that it has.</param>
/// <param name="Activity">What was done since it was mounted first; null: nothing yet.</param>
public sealed record ImageStatus(string Name, string Digest, bool Prefix, bool Mounted, bool IsLocal, long? LocalBytes, long? WholeBytes, ImageActivityStatus? Activity)
{
    public bool IsComplete => LocalBytes is not null && LocalBytes == WholeBytes;
}

/// <param name="FirstRead">The first read that the kernel could not answer by itself.</param>
/// <param name="Hits">Reads answered from local bytes. What the kernel answers from its page cache or from complete files is not seen here.</param>
/// <param name="Misses">Reads that had to wait.</param>
/// <param name="WaitedSeconds">How long, together; reads that wait side by side count each.</param>
/// <param name="Errors">Reads that ended in an error.</param>
/// <param name="Fetches">Requests to sources.</param>
/// <param name="WrongUnits">Parts that did not decode or had another digest.</param>
/// <param name="BytesByCause">Compressed bytes that sources delivered.</param>
/// <param name="BytesBySource">Likewise.</param>
/// <param name="Waiting">Reads that wait now.</param>
/// <param name="Hung">Of these, longer than <c>hung_seconds</c>.</param>
public sealed record ImageActivityStatus(
    DateTimeOffset? FirstRead, long Hits, long Misses, double WaitedSeconds, long Errors, long Fetches, long WrongUnits,
    IReadOnlyDictionary<string, long> BytesByCause, IReadOnlyDictionary<string, long> BytesBySource, int Waiting, int Hung);
