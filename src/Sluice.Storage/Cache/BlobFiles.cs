using Microsoft.Win32.SafeHandles;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <summary>The open files of a cached blob: <c>data</c>, <c>map</c>, and the mark <c>held</c>.</summary>
/// <remarks>
/// Where the kernel reads a complete data file by itself, nobody can tell when it stops: a mount that was detached lives as long as the last container on it, and descriptors outlive the daemon.
/// Holes in such a file would be zeros in a container. So a file that was handed out is marked with the id of the boot, before, and never punched, cut or cloned into while that boot lasts.
/// It can be deleted: whoever has it open keeps it.
/// </remarks>
internal sealed class BlobFiles : IDisposable
{
    private const string BootIdPath = "/proc/sys/kernel/random/boot_id";
    private static readonly Lazy<string> BootId = new(() => File.ReadAllText(BootIdPath));

    private readonly string _directory;
    private readonly string _map;
    private readonly string _mark;
    private readonly SafeFileHandle _syncs; // a failed write-back is reported once to each open file: here it is for Sync, and Data's for HasLost
    private volatile bool _isHeld;

    private BlobFiles(string directory, SafeFileHandle data, SafeFileHandle syncs, ChunkMapFile map, bool isClean, bool wasDropped)
    {
        (Data, _syncs, Map, IsClean, WasDropped) = (data, syncs, map, isClean, wasDropped);
        _directory = directory;
        DataPath = Path.Combine(directory, "data");
        _map = Path.Combine(directory, "map");
        _mark = Path.Combine(directory, "held");
        _isHeld = HasMark(_mark);
    }

    public string DataPath { get; }

    public SafeFileHandle Data { get; }

    public ChunkMapFile Map { get; }

    /// <summary>The map was closed cleanly, and the data is as long as it should be.</summary>
    public bool IsClean { get; }

    /// <summary>The data did not have the right length and was thrown away.</summary>
    public bool WasDropped { get; }

    /// <summary>The kernel may read the data by itself.</summary>
    public bool IsHeld => _isHeld;

    /// <param name="present">Gets the chunks that are there, with their <paramref name="records"/>.</param>
    public static BlobFiles Open(string directory, Digest blob, long length, long dataLength, ChunkRecord[] records, AtomicBitmap present)
    {
        Directory.CreateDirectory(directory);
        ChunkMapFile map = ChunkMapFile.Open(Path.Combine(directory, "map"), blob, length, records, present, out bool clean);
        try
        {
            bool dropped = false;
            string path = Path.Combine(directory, "data");
            SafeFileHandle data = OpenData(path);
            try
            {
                if (RandomAccess.GetLength(data) != dataLength)
                {
                    // Another file rather than the same one emptied: somebody may have that open.
                    dropped = true;
                    if (clean)
                    {
                        // First: a map that is believed must not meet data that is nothing but holes.
                        map.WriteHeader(clean: false);
                        map.Sync();
                    }

                    data.Dispose();
                    File.Delete(path);
                    File.Delete(Path.Combine(directory, "held"));
                    data = OpenData(path);
                    RandomAccess.SetLength(data, dataLength);
                }

                return new BlobFiles(directory, data, OpenData(path), map, clean && !dropped, dropped);
            }
            catch
            {
                data.Dispose();
                throw;
            }
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    /// <summary>Makes the data durable.</summary>
    /// <exception cref="IOException">Something that was written since the last sync is lost.</exception>
    public void Sync() => SparseFile.Sync(_syncs);

    /// <summary>True if something that was written and not synced was lost since this was asked last.</summary>
    public bool HasLost(long length) => SparseFile.HasWriteBackFailed(Data, length);

    /// <summary>Bytes of the disk that these files and their directory have.</summary>
    public long AllocatedBytes() => SparseFile.AllocatedBytes(DataPath) + SparseFile.AllocatedBytes(_map) + SparseFile.AllocatedBytes(_mark) + SparseFile.AllocatedBytes(_directory);

    /// <summary>Marks the data as handed out.</summary>
    public void Hold()
    {
        if (_isHeld) return;
        File.WriteAllText(_mark, BootId.Value);
        _isHeld = true;
    }

    public void Dispose()
    {
        Map.Dispose();
        Data.Dispose();
        _syncs.Dispose();
    }

    private static SafeFileHandle OpenData(string path) => File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);

    /// <summary>One that can't be read counts.</summary>
    private static bool HasMark(string path)
    {
        try
        {
            return File.Exists(path) && File.ReadAllText(path) == BootId.Value;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }
}
