namespace Sluice.Formats.OverlayBd;

/// <summary>One access of a container's start.</summary>
/// <param name="Operation">R or W.</param>
/// <param name="Layer">From 0, the lowest.</param>
/// <param name="Offset">Bytes from the start of the layer's LSMT file, uncompressed.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct TraceRecord(char Operation, int Layer, long Offset, long Length);
