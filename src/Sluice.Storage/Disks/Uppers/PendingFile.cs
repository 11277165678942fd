using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>
/// Log entries of an upper that no flush has written yet, in a mapped file: a process that is killed loses none of the writes that it
/// acknowledged, because their data is in the kernel's page cache and their entries are here. The file belongs on a tmpfs; it counts only
/// while the machine runs, as after a power cut the data that the entries name is gone.
/// </summary>
/// <remarks>
/// <code>
///    0    8  "SLPEND\0\1", written last         128  8  bytes of the log in front of entry 0
///    8   40  boot id of the machine             136  8  entries that were dropped
///   48   40  uuid of the upper                  144  8  entries that were added
///   88   40  session: as in the log's user tag  512     directory of the upper, UTF-8, to the first zero
///                                               4096    ring of entries
/// </code>
/// Every opening of the upper has a session of its own, which the header of the log names: so entries of an earlier one, over which
/// somebody has written since, are never taken for those of the last.
/// </remarks>
internal sealed unsafe class PendingFile : IDisposable
{
    public const byte Version = 1;

    private const int HeaderSize = 4096;
    private const int TextSize = 40;
    private const int BootId = 8, Uuid = 48, Session = 88, Base = 128, HeadAt = 136, TailAt = 144, Place = 512;
    private const string Extension = ".pending";
    private const string SessionPrefix = "open ";

    private static readonly byte[] Magic = [.. "SLPEND\0"u8, Version];

    private readonly string _path;
    private readonly FileStream _file;
    private readonly MemoryMappedFile _map;
    private readonly SafeMemoryMappedViewHandle _view;
    private readonly byte* _bytes;

    private PendingFile(string path)
    {
        _path = path;
        try
        {
            _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);

            // Every page is there before it is needed: a full tmpfs would kill the process that touches a new one.
            if (_file.Length != HeaderSize + PendingLog.Bytes) _file.Write(new byte[HeaderSize + PendingLog.Bytes]);
            _map = MemoryMappedFile.CreateFromFile(_file, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
            _view = _map.CreateViewAccessor().SafeMemoryMappedViewHandle;
            _view.AcquirePointer(ref _bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _map?.Dispose();
            _file?.Dispose();
            throw new SluiceException(SluiceError.Disk, path, $"can't be used: {e.Message}", "it must be on a file system with room, a tmpfs at best", e);
        }
    }

    public LsmtExtent* Ring => (LsmtExtent*)(_bytes + HeaderSize);

    public long* Head => (long*)(_bytes + HeadAt);

    public long* Tail => (long*)(_bytes + TailAt);

    /// <summary>Opens or makes the file of an upper.</summary>
    /// <param name="directory">Volatile: on a tmpfs. Made if missing.</param>
    /// <param name="place">Directory of the upper.</param>
    /// <exception cref="SluiceException">It can't be made or is used by another process.</exception>
    public static PendingFile Open(string directory, string uuid, string place)
    {
        try
        {
            Directory.CreateDirectory(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, directory, $"can't be made: {e.Message}", inner: e);
        }

        var opened = new PendingFile(PathOf(directory, uuid));
        opened.Put(place);
        return opened;
    }

    /// <summary>Files of uppers that were deleted without being opened again.</summary>
    /// <param name="directory">Volatile; may be missing.</param>
    /// <param name="below">Of a directory of uppers nobody knows whether it is gone or only not mounted: so only those that would be below this one count.</param>
    /// <param name="isThere">Whether an upper is in a directory whose file has this path.</param>
    public static IEnumerable<string> FindOrphans(string directory, string below, Func<string, string, bool> isThere)
    {
        if (!Directory.Exists(directory)) yield break;
        foreach (string path in Directory.EnumerateFiles(directory, "*" + Extension))
        {
            if (ReadPlace(path) is { } place && place.StartsWith(below.TrimEnd('/') + "/", StringComparison.Ordinal) && !isThere(place, path)) yield return path;
        }
    }

    private static string? ReadPlace(string path)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.None);
            Span<byte> header = stackalloc byte[HeaderSize];
            file.ReadExactly(header);
            ReadOnlySpan<byte> place = header[Place..];
            return Encoding.UTF8.GetString(place[..Math.Max(0, place.IndexOf((byte)0))]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // in use, or not ours
        }
    }

    /// <summary>Where the file of an upper is, if there is one.</summary>
    public static string PathOf(string directory, string uuid)
    {
        // A uuid is any text: what is not one must not become a path.
        string name = Guid.TryParse(uuid, out Guid guid) ? guid.ToString() : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(uuid)));
        return Path.Combine(directory, name + Extension);
    }

    /// <summary>The entries that a killed process left, if they go on from where the log ends now; otherwise none.</summary>
    /// <param name="session">User tag of the log.</param>
    /// <param name="logEnd">Bytes of the log.</param>
    public LsmtExtent[] Read(string uuid, string session, long logEnd)
    {
        if (!new ReadOnlySpan<byte>(_bytes, Magic.Length).SequenceEqual(Magic)) return [];
        if (!Has(BootId, CurrentBoot()) || !Has(Uuid, uuid.ToUpperInvariant()) || !Has(Session, session) || !session.StartsWith(SessionPrefix, StringComparison.Ordinal)) return [];
        long head = *Head, count = *Tail - head, start = *(long*)(_bytes + Base) + (head * LsmtExtent.Bytes);
        if (head < 0 || count is < 0 or > PendingLog.Capacity) return [];

        // The flush that was killed may have written some of them: those come again, which changes nothing.
        if (logEnd < start || logEnd > start + (count * LsmtExtent.Bytes)) return [];
        var entries = new LsmtExtent[count];
        for (int i = 0; i < count; i++) entries[i] = Ring[(head + i) & (PendingLog.Capacity - 1)];
        return entries;
    }

    /// <summary>Empties it and gives it a new session.</summary>
    /// <returns>The session, for the user tag of the log, which must have it before the first entry is added.</returns>
    public string Begin(string uuid, long logEnd)
    {
        Invalidate();
        string session = SessionPrefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        Put(BootId, CurrentBoot());
        Put(Uuid, uuid.ToUpperInvariant());
        Put(Session, session);
        (*(long*)(_bytes + Base), *Head, *Tail) = (logEnd, 0, 0);
        Thread.MemoryBarrier();
        Magic.CopyTo(new Span<byte>(_bytes, Magic.Length));
        return session;
    }

    /// <summary>True for a user tag of a log whose last opening had a file like this.</summary>
    public static bool IsSession(string tag) => tag.StartsWith(SessionPrefix, StringComparison.Ordinal);

    public void Invalidate() => Volatile.Write(ref *_bytes, 0);

    public void Delete() => File.Delete(_path);

    public void Dispose()
    {
        _view.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
        _file.Dispose();
    }

    private static string CurrentBoot() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    private bool Has(int at, string text) => Field(text).AsSpan().SequenceEqual(new ReadOnlySpan<byte>(_bytes + at, TextSize));

    private void Put(int at, string text) => Field(text).CopyTo(new Span<byte>(_bytes + at, TextSize));

    /// <summary>A path that is too long is left out.</summary>
    private void Put(string place)
    {
        var room = new Span<byte>(_bytes + Place, HeaderSize - Place);
        room.Clear();
        if (!Encoding.UTF8.TryGetBytes(place, room[..^1], out _)) room.Clear();
    }

    private static byte[] Field(string text)
    {
        byte[] field = new byte[TextSize];
        if (!Encoding.UTF8.TryGetBytes(text, field, out _)) throw new InvalidFormatException("lsmt", $"'{text}' is no uuid");
        return field;
    }
}
