using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>A file of the local file system. System calls are made here directly because .NET's own throw (and allocate) for a full disk.</summary>
internal sealed partial class LocalUpperFile : IUpperFile
{
    private const int Interrupted = 4, NoDevice = 6, NoSpace = 28, QuotaExceeded = 122, FileTooBig = 27;
    private const int KeepSizePunchHole = 1 | 2;
    private const int SeekEnd = 2, SeekData = 3, SeekHole = 4;

    private readonly SafeFileHandle _file;

    private LocalUpperFile(SafeFileHandle file) => _file = file;

    /// <exception cref="SluiceException">It can't be opened, is open elsewhere for writing, or (<see cref="FileMode.CreateNew"/>) exists.</exception>
    public static LocalUpperFile Open(string path, FileMode mode)
    {
        try
        {
            return new LocalUpperFile(File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.None));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, path, $"can't be opened: {e.Message}", inner: e);
        }
    }

    /// <summary>Makes new names in a directory durable.</summary>
    public static UpperError SyncDirectory(string path)
    {
        using SafeFileHandle directory = Open(path, 0);
        return directory.IsInvalid || Fsync(directory) < 0 ? UpperError.InputOutput : UpperError.None;
    }

    public UpperError GetLength(out long length)
    {
        length = Seek(_file, 0, SeekEnd);
        return length < 0 ? LastError() : UpperError.None;
    }

    public unsafe UpperError Read(long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            nint read;
            fixed (byte* bytes = destination) read = Pread(_file, bytes, (nuint)destination.Length, offset);
            if (read < 0 && Marshal.GetLastPInvokeError() == Interrupted) continue;
            if (read <= 0) return UpperError.InputOutput;
            destination = destination[(int)read..];
            offset += read;
        }

        return UpperError.None;
    }

    public unsafe UpperError Write(long offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            nint written;
            fixed (byte* bytes = data) written = Pwrite(_file, bytes, (nuint)data.Length, offset);
            if (written < 0 && Marshal.GetLastPInvokeError() == Interrupted) continue;
            if (written < 0) return LastError();
            if (written == 0) return UpperError.InputOutput;
            data = data[(int)written..];
            offset += written;
        }

        return UpperError.None;
    }

    public UpperError Sync() => Fdatasync(_file) < 0 ? LastError() : UpperError.None;

    public UpperError SetLength(long length) => Ftruncate(_file, length) < 0 ? LastError() : UpperError.None;

    public UpperError Punch(long offset, long length)
    {
        const int notSupported = 95;
        if (Fallocate(_file, KeepSizePunchHole, offset, length) == 0) return UpperError.None;
        return Marshal.GetLastPInvokeError() == notSupported ? UpperError.None : LastError();
    }

    public UpperError FindData(long from, out long start, out long end)
    {
        end = start = Seek(_file, from, SeekData);
        if (start < 0)
        {
            (start, end) = (from, from);
            return Marshal.GetLastPInvokeError() == NoDevice ? UpperError.None : LastError();
        }

        end = Seek(_file, start, SeekHole);
        return end < 0 ? LastError() : UpperError.None;
    }

    public void Dispose() => _file.Dispose();

    private static UpperError LastError() =>
        Marshal.GetLastPInvokeError() is NoSpace or QuotaExceeded or FileTooBig ? UpperError.NoSpace : UpperError.InputOutput;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "pread64", SetLastError = true)]
    private static unsafe partial nint Pread(SafeFileHandle file, byte* bytes, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "pwrite64", SetLastError = true)]
    private static unsafe partial nint Pwrite(SafeFileHandle file, byte* bytes, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int Fdatasync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "ftruncate64", SetLastError = true)]
    private static partial int Ftruncate(SafeFileHandle file, long length);

    [LibraryImport("libc", EntryPoint = "fallocate64", SetLastError = true)]
    private static partial int Fallocate(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "lseek64", SetLastError = true)]
    private static partial long Seek(SafeFileHandle file, long offset, int whence);
}
