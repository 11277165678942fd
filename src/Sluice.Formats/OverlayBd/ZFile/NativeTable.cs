using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Formats.OverlayBd.ZFile;

/// <summary>Native memory that is freed with its owner.</summary>
internal sealed unsafe class NativeTable : SafeHandleZeroOrMinusOneIsInvalid
{
    public NativeTable(long count, int elementSize)
        : base(ownsHandle: true) => SetHandle((nint)NativeMemory.Alloc((nuint)count, (nuint)elementSize));

    /// <summary>Valid while this object is reachable and not disposed.</summary>
    public nint Address => handle;

    protected override bool ReleaseHandle()
    {
        NativeMemory.Free((void*)handle);
        return true;
    }
}
