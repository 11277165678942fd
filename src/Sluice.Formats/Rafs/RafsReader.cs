using System.Buffers.Binary;
using Sluice.Formats.Erofs;
using Sluice.Formats.Rafs.V5;

namespace Sluice.Formats.Rafs;

/// <summary>Reads a RAFS bootstrap of whichever version it is.</summary>
public static class RafsReader
{
    /// <exception cref="InvalidFormatException">No RAFS bootstrap, or a corrupt one.</exception>
    public static RafsImage Read(ReadOnlyMemory<byte> bootstrap)
    {
        if (RafsV5Reader.IsV5(bootstrap.Span)) return RafsV5Reader.Read(bootstrap);
        if (IsV6(bootstrap.Span)) return RafsV6Reader.Read(bootstrap);
        throw new InvalidFormatException("rafs bootstrap", "neither a RAFS v5 nor an EROFS superblock");
    }

    /// <summary>True if the bytes hold an EROFS superblock, RAFS or not; the first 1028 bytes are enough to tell.</summary>
    public static bool IsV6(ReadOnlySpan<byte> bootstrap) =>
        bootstrap.Length >= ErofsLayout.SuperblockOffset + sizeof(uint)
        && BinaryPrimitives.ReadUInt32LittleEndian(bootstrap[ErofsLayout.SuperblockOffset..]) == ErofsLayout.Magic;
}
