namespace Sluice.Formats.Compression;

/// <summary>Names the package to install when a codec library is missing.</summary>
internal static class NativeCodec
{
    /// <summary>The error to throw when the first call into a library has failed to load it.</summary>
    public static SluiceException Missing(Compressor compressor, Exception cause)
    {
        (string library, string package) = compressor switch
        {
            Compressor.Lz4Block => ("liblz4.so.1", "liblz4-1"),
            Compressor.Zstd => ("libzstd.so.1", "libzstd1"),
            _ => ("libz.so.1", "zlib1g"),
        };
        return new SluiceException(
            SluiceError.Configuration, library, "the library is not installed or is too old", $"apt-get install {package}", cause);
    }

    public static bool IsMissing(Exception e) => e is DllNotFoundException or EntryPointNotFoundException;
}
