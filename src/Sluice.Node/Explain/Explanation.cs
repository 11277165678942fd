namespace Sluice.Node.Explain;

/// <summary>Answer to <c>GET /v1/explain</c>; docs/admin-api.md says what each field means. Times are seconds, sizes bytes.</summary>
/// <param name="Image">Name of the image.</param>
/// <param name="Digest">Of its manifest; null where the daemon does not know it.</param>
/// <param name="Container">The container that was asked for; null: the image was.</param>
/// <param name="Lazy">It was started, or can be, before its data was here.</param>
/// <param name="Verdict">One sentence.</param>
/// <param name="Start">Null: it was not mounted since the daemon started, or can't be.</param>
/// <param name="Reasons">Why it took its time, the worst first; with a line that mends it, where there is one.</param>
public sealed record Explanation(string Image, string? Digest, string? Container, bool Lazy, string Verdict, StartFigures? Start, IReadOnlyList<SlowReason> Reasons);

/// <summary>What a start cost.</summary>
/// <param name="At">When the time line begins.</param>
/// <param name="Seconds">From there to the last read that waited, before nothing waited for three seconds.</param>
/// <param name="Stages">The time line.</param>
/// <param name="WaitedSeconds">Time in which at least one read waited.</param>
/// <param name="ImageBytes">Compressed size of the whole image.</param>
/// <param name="FetchedBytes">Compressed bytes that sources delivered.</param>
/// <param name="AskedBytes">Uncompressed bytes that the reads which waited had asked for.</param>
/// <param name="Requests">To sources.</param>
/// <param name="RoundTripSeconds">What a request takes before its bytes; null: too few to tell.</param>
/// <param name="BytesPerSecond">While requests were under way; null: there were none.</param>
/// <param name="DecodingSeconds">Processor time for decompression, checks and the cache, together.</param>
/// <param name="Files">The files that were waited for longest.</param>
/// <param name="FilesNote">Why there are no names of files; null: there are, or nothing waited.</param>
public sealed record StartFigures(
    DateTimeOffset At, double Seconds, IReadOnlyList<StartStage> Stages, double WaitedSeconds, long? ImageBytes, long FetchedBytes, long AskedBytes, long Hits, long Misses, long Errors, long Requests, long Failures,
    double? RoundTripSeconds, double? BytesPerSecond, double DecodingSeconds,
    IReadOnlyDictionary<string, long> BytesByCause, IReadOnlyDictionary<string, long> BytesBySource, long? PrefetchedBytes, long? PrefetchUnreadBytes, IReadOnlyList<SlowFile> Files, string? FilesNote);

/// <param name="Name"><c>metadata</c>, <c>mount</c>, <c>container</c> (until its first read) or <c>reads</c>.</param>
/// <param name="At">Seconds after the beginning.</param>
public sealed record StartStage(string Name, double At, double Seconds);

/// <param name="Seconds">That its reads waited, together.</param>
/// <param name="Reads">That waited.</param>
/// <param name="Bytes">That these asked for.</param>
public sealed record SlowFile(string Path, double Seconds, int Reads, long Bytes);

/// <param name="Id">Stable; docs/troubleshooting.md lists them.</param>
/// <param name="Seconds">Of the start; null: not measured in time.</param>
/// <param name="Mend">What to do; null: nothing is wrong.</param>
public sealed record SlowReason(string Id, double? Seconds, string What, string? Mend);
