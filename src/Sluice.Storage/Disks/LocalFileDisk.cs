using Microsoft.Win32.SafeHandles;
using Sluice.Formats;

namespace Sluice.Storage.Disks;

/// <summary>
/// A local file as a disk, with zeros up to the next 4096: the plain tar of a tarfs blob. Whoever made the file has checked its
/// content; nothing is checked here.
/// </summary>
public sealed class LocalFileDisk : IDisk
{
    private readonly SafeFileHandle _file;
    private readonly long _fileLength;

    /// <exception cref="SluiceException">The file can't be opened.</exception>
    public LocalFileDisk(string name, string path)
    {
        Name = name;
        try
        {
            _file = File.OpenHandle(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, path, $"can't be opened: {e.Message}", inner: e);
        }

        _fileLength = RandomAccess.GetLength(_file);
        Length = (_fileLength + 4095) & ~4095L;
    }

    public string Name { get; }

    public long Length { get; }

    public SafeFileHandle? CompleteFile => _fileLength == Length ? _file : null;

    public bool IsLocal => true;

    public bool TryRead(long offset, Span<byte> destination)
    {
        if (!DiskRange.Contains(this, offset, destination.Length)) return false;
        int wanted = (int)Math.Clamp(_fileLength - offset, 0, destination.Length);
        try
        {
            for (int done = 0; done < wanted;)
            {
                int read = RandomAccess.Read(_file, destination[done..wanted], offset + done);
                if (read == 0) return false;
                done += read;
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return false;
        }

        destination[wanted..].Clear();
        return true;
    }

    public ValueTask<DiskError> ReadAsync(long offset, Memory<byte> destination)
    {
        if (!DiskRange.Contains(this, offset, destination.Length)) return ValueTask.FromResult(DiskError.Invalid);
        return ValueTask.FromResult(TryRead(offset, destination.Span) ? DiskError.None : DiskError.InputOutput);
    }

    public void Dispose() => _file.Dispose();
}
