using Sluice.Formats.Rafs.V5;

namespace Sluice.Formats.Rafs;

/// <summary>Reads a bootstrap of either version.</summary>
public static class RafsReader
{
    /// <exception cref="InvalidFormatException">Neither v5 nor v6, or corrupt.</exception>
    public static RafsImage Read(ReadOnlyMemory<byte> bootstrap) =>
        RafsV5Reader.IsV5(bootstrap.Span) ? RafsV5Reader.Read(bootstrap) : RafsV6Reader.Read(bootstrap);
}
