using Sluice.Formats;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Memory;

/// <summary>
/// Memory whose pages are all there from the beginning, writable, and stay there where the kernel lets this process lock them (RLIMIT_MEMLOCK, CAP_IPC_LOCK); elsewhere they may be
/// swapped out. Starts at a page, zeroed.
/// </summary>
internal sealed unsafe class ResidentMemory : IDisposable
{
    private readonly nuint _length;

    /// <param name="length">Bytes, more than 0.</param>
    /// <exception cref="SluiceException">Kernel: it has none.</exception>
    public ResidentMemory(int length)
    {
        const int readWrite = 1 | 2, privateAnonymous = 0x02 | 0x20;
        _length = (nuint)length;
        void* address = Libc.Map(null, _length, readWrite, privateAnonymous, -1, 0);
        if ((nint)address == -1) throw KernelError.Last("memory", $"{length} bytes can't be mapped");
        Start = (byte*)address;
        if (Libc.Lock(Start, _length) != 0) new Span<byte>(Start, length).Clear(); // which brings the pages as well
    }

    public byte* Start { get; }

    public void Dispose() => _ = Libc.Unmap(Start, _length);
}
