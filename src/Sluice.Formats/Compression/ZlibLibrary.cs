using System.Runtime.InteropServices;

namespace Sluice.Formats.Compression;

/// <summary>The calls of libz 1.2.11 and later that Sluice makes. Source: zlib.h.</summary>
internal static unsafe partial class ZlibLibrary
{
    private const string Name = "libz.so.1";
    private const string Version = "1.2.11";

    public const int Ok = 0;
    public const int StreamEnd = 1;
    public const int NeedDictionary = 2;
    public const int DataError = -3;
    public const int BufferError = -5;

    public const int NoFlush = 0;
    public const int Finish = 4;
    public const int Block = 5;

    /// <summary>Window bits that select gzip framing with a 32 KiB window, and raw deflate.</summary>
    public const int GzipWindow = 15 + 16;
    public const int RawWindow = -15;

    private const int Deflated = 8;
    private const int DefaultMemoryLevel = 8;

    public static int InflateInit(ZStream* stream, int windowBits) => InflateInit2(stream, windowBits, Version, sizeof(ZStream));

    public static int DeflateInit(ZStream* stream, int level, int windowBits) =>
        DeflateInit2(stream, level, Deflated, windowBits, DefaultMemoryLevel, strategy: 0, Version, sizeof(ZStream));

    [LibraryImport(Name, EntryPoint = "inflateInit2_", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int InflateInit2(ZStream* stream, int windowBits, string version, int size);

    [LibraryImport(Name, EntryPoint = "inflate")]
    public static partial int Inflate(ZStream* stream, int flush);

    [LibraryImport(Name, EntryPoint = "inflateReset2")]
    public static partial int InflateReset(ZStream* stream, int windowBits);

    [LibraryImport(Name, EntryPoint = "inflatePrime")]
    public static partial int InflatePrime(ZStream* stream, int bits, int value);

    [LibraryImport(Name, EntryPoint = "inflateSetDictionary")]
    public static partial int InflateSetDictionary(ZStream* stream, byte* dictionary, uint length);

    [LibraryImport(Name, EntryPoint = "inflateEnd")]
    public static partial int InflateEnd(ZStream* stream);

    [LibraryImport(Name, EntryPoint = "deflateInit2_", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int DeflateInit2(
        ZStream* stream, int level, int method, int windowBits, int memoryLevel, int strategy, string version, int size);

    [LibraryImport(Name, EntryPoint = "deflate")]
    public static partial int Deflate(ZStream* stream, int flush);

    [LibraryImport(Name, EntryPoint = "deflateReset")]
    public static partial int DeflateReset(ZStream* stream);

    [LibraryImport(Name, EntryPoint = "deflateParams")]
    public static partial int DeflateParams(ZStream* stream, int level, int strategy);

    [LibraryImport(Name, EntryPoint = "deflateEnd")]
    public static partial int DeflateEnd(ZStream* stream);

    /// <summary><c>z_stream</c> on 64-bit Linux: 112 bytes. libz remembers its address, so it must not move.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ZStream
    {
        public byte* NextIn;
        public uint AvailableIn;
        public nuint TotalIn;
        public byte* NextOut;
        public uint AvailableOut;
        public nuint TotalOut;
        public byte* Message;
        public nint State;
        public nint Allocate;
        public nint Free;
        public nint Opaque;
        public int DataType;
        public nuint Adler;
        public nuint Reserved;
    }
}
