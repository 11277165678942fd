using Microsoft.Win32.SafeHandles;

namespace Sluice.Formats.Compression;

/// <summary>A <c>ZSTD_CCtx</c> or <c>ZSTD_DCtx</c>.</summary>
internal sealed class ZstdContext : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly bool _compresses;

    private ZstdContext(nint context, bool compresses)
        : base(ownsHandle: true)
    {
        _compresses = compresses;
        SetHandle(context);
        if (IsInvalid) throw new SluiceException(SluiceError.Kernel, "libzstd", "no memory for a context");
    }

    /// <summary>The native context; valid while this object is reachable and not disposed.</summary>
    public nint Handle => handle;

    public static ZstdContext ForCompression() => new(ZstdLibrary.CreateCompressor(), compresses: true);

    public static ZstdContext ForDecompression() => new(ZstdLibrary.CreateDecompressor(), compresses: false);

    protected override bool ReleaseHandle() =>
        (_compresses ? ZstdLibrary.FreeCompressor(handle) : ZstdLibrary.FreeDecompressor(handle)) == 0;
}
