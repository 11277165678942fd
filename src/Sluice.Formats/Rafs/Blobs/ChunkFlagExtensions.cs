namespace Sluice.Formats.Rafs.Blobs;

internal static class ChunkFlagExtensions
{
    /// <summary>Like <see cref="Enum.HasFlag"/>, which allocates for as long as its caller is not optimised.</summary>
    public static bool Has(this ChunkFlags flags, ChunkFlags flag) => (flags & flag) != ChunkFlags.None;
}
