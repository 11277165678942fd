using System.Runtime.InteropServices;

namespace Sluice.Formats.Compression;

/// <summary>The calls of liblz4 1.9 that Sluice makes. Source: lz4.h, lz4hc.h.</summary>
internal static unsafe partial class Lz4Library
{
    private const string Name = "liblz4.so.1";

    [LibraryImport(Name, EntryPoint = "LZ4_compress_default")]
    public static partial int Compress(byte* source, byte* destination, int sourceSize, int capacity);

    [LibraryImport(Name, EntryPoint = "LZ4_compress_HC")]
    public static partial int CompressHigh(byte* source, byte* destination, int sourceSize, int capacity, int level);

    /// <returns>Bytes written, or negative for bad input or too little room.</returns>
    [LibraryImport(Name, EntryPoint = "LZ4_decompress_safe")]
    public static partial int Decompress(byte* source, byte* destination, int sourceSize, int capacity);
}
