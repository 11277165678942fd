using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Formats.Compression;

/// <summary>
/// A decoder of .NET's own zlib (zlib-ng), which System.IO.Compression uses, too, but through streams that don't tell where a gzip member
/// ends. Source: the runtime's pal_zlib.h.
/// </summary>
internal sealed unsafe partial class RuntimeInflater : SafeHandleZeroOrMinusOneIsInvalid
{
    private const string Name = "libSystem.IO.Compression.Native";

    private readonly int _windowBits;

    /// <param name="windowBits">As in zlib: <see cref="ZlibLibrary.GzipWindow"/>.</param>
    public RuntimeInflater(int windowBits)
        : base(ownsHandle: true)
    {
        _windowBits = windowBits;
        SetHandle((nint)NativeMemory.AllocZeroed((nuint)sizeof(State)));
        int result = InflateInit((State*)handle, windowBits);
        if (result != ZlibLibrary.Ok) throw new SluiceException(SluiceError.Kernel, Name, $"no stream (code {result})");
    }

    /// <summary>What it says about its last error.</summary>
    public string Message => ((State*)handle)->Message is var text && text is null ? "not deflate" : Marshal.PtrToStringUTF8((nint)text)!;

    /// <summary>Back to the start of a stream.</summary>
    public void Reset()
    {
        int result = InflateReset((State*)handle, _windowBits);
        if (result != ZlibLibrary.Ok) throw new InvalidOperationException($"zlib refused to reset a stream (code {result})");
    }

    /// <returns>A code of zlib.</returns>
    public int Inflate(ReadOnlySpan<byte> input, Span<byte> output, out int consumed, out int written)
    {
        var state = (State*)handle;
        fixed (byte* from = input, to = output)
        {
            state->NextIn = from;
            state->AvailableIn = (uint)input.Length;
            state->NextOut = to;
            state->AvailableOut = (uint)output.Length;
            int result = Inflate(state, ZlibLibrary.NoFlush);
            consumed = input.Length - (int)state->AvailableIn;
            written = output.Length - (int)state->AvailableOut;
            return result;
        }
    }

    protected override bool ReleaseHandle()
    {
        _ = InflateEnd((State*)handle);
        NativeMemory.Free((void*)handle);
        return true;
    }

    [LibraryImport(Name, EntryPoint = "CompressionNative_InflateInit2_")]
    private static partial int InflateInit(State* stream, int windowBits);

    [LibraryImport(Name, EntryPoint = "CompressionNative_Inflate")]
    private static partial int Inflate(State* stream, int flush);

    [LibraryImport(Name, EntryPoint = "CompressionNative_InflateReset2_")]
    private static partial int InflateReset(State* stream, int windowBits);

    [LibraryImport(Name, EntryPoint = "CompressionNative_InflateEnd")]
    private static partial int InflateEnd(State* stream);

    /// <summary><c>PAL_ZStream</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct State
    {
        public byte* NextIn;
        public byte* NextOut;
        public byte* Message;
        public nint Internal;
        public uint AvailableIn;
        public uint AvailableOut;
    }
}
