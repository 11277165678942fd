namespace Sluice.Formats.Tar;

/// <summary>A run of data in a sparse file, in bytes of the file; what lies between runs is a hole and reads as zeros.</summary>
public readonly record struct SparseRun(long Offset, long Length);
