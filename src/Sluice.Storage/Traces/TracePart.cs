namespace Sluice.Storage.Traces;

/// <summary>What a start read of one file, or, where files are not known, of one place of a blob.</summary>
/// <param name="At">Its first read, after the beginning.</param>
/// <param name="Chunks">That were read.</param>
/// <param name="Waited">Of those, the ones that had to be waited for.</param>
/// <param name="Bytes">Of the chunks.</param>
/// <param name="OnlyHere">Bytes of chunks that the other start did not read.</param>
public readonly record struct TracePart(TimeSpan At, int Chunks, int Waited, long Bytes, long OnlyHere);
