using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Formats.Compression;

/// <summary>A <c>z_stream</c> at a fixed address.</summary>
internal sealed unsafe class ZlibContext : SafeHandleZeroOrMinusOneIsInvalid
{
    public const int UsualLevel = 6;

    private readonly bool _deflates;

    private ZlibContext(bool deflates, int windowBits)
        : base(ownsHandle: true)
    {
        _deflates = deflates;
        SetHandle((nint)NativeMemory.AllocZeroed((nuint)sizeof(ZlibLibrary.ZStream)));
        int result = deflates
            ? ZlibLibrary.DeflateInit(Stream, UsualLevel, windowBits)
            : ZlibLibrary.InflateInit(Stream, windowBits);
        if (result != ZlibLibrary.Ok) throw new SluiceException(SluiceError.Kernel, "libz", $"no stream (code {result})");
    }

    /// <summary>The native stream; valid while this object is reachable and not disposed.</summary>
    public ZlibLibrary.ZStream* Stream => (ZlibLibrary.ZStream*)handle;

    public static ZlibContext ForDeflate(int windowBits) => new(deflates: true, windowBits);

    public static ZlibContext ForInflate(int windowBits) => new(deflates: false, windowBits);

    /// <summary>What libz says about its last error.</summary>
    public string Message(int code) =>
        Stream->Message is null ? $"libz error {code}" : Marshal.PtrToStringUTF8((nint)Stream->Message)!;

    /// <summary>Back to the start of a stream.</summary>
    public void Reset(int windowBits)
    {
        int result = _deflates ? ZlibLibrary.DeflateReset(Stream) : ZlibLibrary.InflateReset(Stream, windowBits);
        if (result != ZlibLibrary.Ok) throw new InvalidOperationException($"libz refused to reset a stream (code {result})");
    }

    protected override bool ReleaseHandle()
    {
        // Either refuses a stream whose initialisation failed, which then has nothing to release.
        _ = _deflates ? ZlibLibrary.DeflateEnd(Stream) : ZlibLibrary.InflateEnd(Stream);
        NativeMemory.Free(Stream);
        return true;
    }
}
