using Microsoft.Win32.SafeHandles;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Memory;

/// <summary>A file on a tmpfs whose pages stay in memory as long as this lives: tmpfs is swapped out like other memory, but not what a process has locked.</summary>
public sealed unsafe class LockedFile : IDisposable
{
    private readonly nuint _length;
    private void* _address;

    private LockedFile(void* address, nuint length)
    {
        _address = address;
        _length = length;
    }

    /// <summary>Maps the file as long as it is now, and locks it: mmap(2), mlock(2). Null: it is empty or can't be opened, or the kernel refuses (RLIMIT_MEMLOCK without CAP_IPC_LOCK).</summary>
    public static LockedFile? TryOpen(string path)
    {
        const int protectRead = 1, mapShared = 1;
        try
        {
            using SafeFileHandle file = File.OpenHandle(path);
            var length = (nuint)RandomAccess.GetLength(file);
            if (length == 0) return null;
            void* address = Libc.Map(null, length, protectRead, mapShared, (int)file.DangerousGetHandle(), 0);
            if ((nint)address == -1) return null;
            if (Libc.Lock(address, length) == 0) return new LockedFile(address, length);
            _ = Libc.Unmap(address, length);
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        if (_address is null) return;
        _ = Libc.Unmap(_address, _length);
        _address = null;
    }
}
