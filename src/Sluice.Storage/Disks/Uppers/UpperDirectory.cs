using Sluice.Formats;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>
/// The writable part of one disk, in one directory: the upper that takes writes, and below it those that were sealed while the disk was
/// in use.
/// </summary>
/// <remarks>
/// <para>
/// The first upper has the names of the original, <c>writable_data</c> and <c>writable_index</c>; each later one has a number behind them:
/// <c>writable_data.1</c> lies over <c>writable_data</c>. All but the last are sealed (append-only: the data file is a layer; sparse, or with more pieces than a layer may have: the
/// index says so) and each names the one below as its parent, the first one the topmost layer of the image.
/// </para>
/// <para>
/// <see cref="Seal"/> first makes the next upper durable and empty, then lets writes go there, then seals the one before. What a crash
/// leaves is finished when the directory is opened: files of a next upper that are not complete are removed, nothing having been
/// written to them; with a complete one, the one before is sealed. So the device is the same before and after, whatever was done of it.
/// </para>
/// <para>Members may be called concurrently; after <see cref="Dispose"/> they fail.</para>
/// </remarks>
public sealed class UpperDirectory : IDisposable
{
    /// <summary>Of the files that keep what was acknowledged and not flushed.</summary>
    public const int PendingVersion = PendingFile.Version;

    private const string DataName = "writable_data", LogName = "writable_index";

    private readonly Lock _sealing = new();
    private readonly IUpperFiles _files;
    private readonly string? _volatileDirectory;
    private LoggedUpper[] _uppers;
    private bool _disposed;

    private UpperDirectory(IUpperFiles files, string? volatileDirectory, LoggedUpper[] uppers) => (_files, _volatileDirectory, _uppers) = (files, volatileDirectory, uppers);

    /// <summary>Bytes of the device, or 0: as the layers below.</summary>
    public long VirtualSize => _uppers[^1].Header.VirtualSize;

    public UpperKind Kind => _uppers[0] is SparseUpper ? UpperKind.Sparse : UpperKind.Append;

    /// <summary>What was sealed, the lowest first: read-only, to be committed. They stay the directory's.</summary>
    public IReadOnlyList<IUpper> Sealed => [.. Uppers.ToArray().Where(upper => upper.IsSealed).Reverse()];

    /// <summary>The topmost first, which takes the writes. A look at this moment: <see cref="Seal"/> puts another one on top.</summary>
    internal ReadOnlySpan<LoggedUpper> Uppers => Volatile.Read(ref _uppers);

    /// <summary>True if a writable layer was made in a directory.</summary>
    public static bool Exists(string directory) => IsMade(new LocalUpperFiles(directory));

    /// <summary>Makes an empty writable layer, durable when it returns.</summary>
    /// <param name="directory">Made if missing.</param>
    /// <param name="virtualSize">Bytes of the device; never changes.</param>
    /// <param name="parentUuid">Of the topmost layer of the image.</param>
    /// <param name="volatileDirectory">On a tmpfs: keeps what was acknowledged and not flushed when this process is killed. Null: that is lost then.</param>
    /// <exception cref="SluiceException">There is one already, or it can't be made.</exception>
    public static UpperDirectory Create(string directory, UpperKind kind, long virtualSize, string parentUuid, string? volatileDirectory)
    {
        try
        {
#pragma warning disable CA1416 // Sluice runs on Linux
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute); // containers' secrets
#pragma warning restore CA1416
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, directory, $"can't be made: {e.Message}", inner: e);
        }

        UpperDirectory made = Create(new LocalUpperFiles(directory), kind, virtualSize, parentUuid, volatileDirectory);
        if (Path.GetDirectoryName(Path.GetFullPath(directory)) is { } above) LocalUpperFile.SyncDirectory(above);
        return made;
    }

    /// <summary>Opens what is in a directory, made by us or by overlaybd, and finishes what a crash interrupted.</summary>
    /// <param name="parentUuid">Of the topmost layer of the image that it is to lie over.</param>
    /// <param name="volatileDirectory">As for <see cref="Create(string, UpperKind, long, string, string?)"/>: the same one, to find what a killed process left.</param>
    /// <exception cref="InvalidFormatException">Damaged.</exception>
    /// <exception cref="SluiceException">It belongs to another image, is in use, or can't be read or written.</exception>
    public static UpperDirectory Open(string directory, string parentUuid, string? volatileDirectory) => Open(new LocalUpperFiles(directory), parentUuid, volatileDirectory);

    /// <summary>Removes what a killed process has left elsewhere of a layer that is about to be deleted without being opened again.</summary>
    /// <inheritdoc cref="Open(string, string, string?)"/>
    public static void Forget(string directory, string volatileDirectory)
    {
        foreach (string pending in PendingOf(directory, volatileDirectory).Where(File.Exists)) File.Delete(pending);
    }

    /// <summary>Removes what killed processes have left elsewhere of layers that somebody else has deleted since.</summary>
    /// <param name="volatileDirectory">Nobody opens layers meanwhile whose file is in it.</param>
    /// <param name="below">Where those layers were. What is elsewhere may come back, with the disk that it is on.</param>
    public static void ForgetDeleted(string volatileDirectory, string below)
    {
        foreach (string orphan in PendingFile.FindOrphans(volatileDirectory, Path.GetFullPath(below), IsThere).ToArray()) File.Delete(orphan);

        bool IsThere(string place, string path)
        {
            try
            {
                return PendingOf(place, volatileDirectory).Contains(Path.GetFullPath(path));
            }
            catch (SluiceException)
            {
                return true; // damaged, or can't be read now
            }
        }
    }

    private static IEnumerable<string> PendingOf(string directory, string volatileDirectory)
    {
        var files = new LocalUpperFiles(directory);
        for (int number = 0; files.Exists(NameOf(DataName, number)); number++)
        {
            using IUpperFile data = files.Open(NameOf(DataName, number), FileMode.Open);
            if (HasHeader(data, out LsmtHeader? header)) yield return Path.GetFullPath(PendingFile.PathOf(volatileDirectory, header.Uuid));
        }
    }

    /// <summary>Seals the upper that takes writes and puts an empty one on top, while reads and writes go on.</summary>
    /// <exception cref="SluiceException">
    /// The next one can't be made: nothing has changed. Or the one before can't be sealed: the disk goes on as it was, and the next seal or
    /// opening tries again.
    /// </exception>
    public void Seal()
    {
        lock (_sealing)
        {
            if (_disposed) throw new SluiceException(SluiceError.Runtime, _files.Name, "the disk was closed before it was sealed", "was the container removed meanwhile?");
            SealAllBut(0);
            LoggedUpper before = _uppers[0];
            if (before.Flush() is var error and not UpperError.None) throw NotSealed(error); // before another one takes the writes
            LoggedUpper next = Make(_files, _uppers.Length, Kind, before.Header.VirtualSize, before.Header.Uuid, _volatileDirectory);
            Volatile.Write(ref _uppers, [next, .. _uppers]);
            SealAllBut(1);
        }
    }

    public void Dispose()
    {
        lock (_sealing)
        {
            _disposed = true;
            foreach (LoggedUpper upper in _uppers) upper.Dispose();
        }
    }

    internal static UpperDirectory Create(IUpperFiles files, UpperKind kind, long virtualSize, string parentUuid, string? volatileDirectory)
    {
        if (IsMade(files)) throw new SluiceException(SluiceError.Usage, files.Name, "a writable layer is in it already");
        return new UpperDirectory(files, volatileDirectory, [Make(files, 0, kind, virtualSize, parentUuid, volatileDirectory)]);
    }

    internal static UpperDirectory Open(IUpperFiles files, string parentUuid, string? volatileDirectory)
    {
        if (!IsMade(files)) throw new SluiceException(SluiceError.NotFound, files.Name, "no writable layer is in it");
        List<LoggedUpper> uppers = [];
        try
        {
            for (int number = 0; number == 0 || IsNext(files, number); number++)
            {
                LoggedUpper upper = OpenOne(files, number, volatileDirectory);
                uppers.Insert(0, upper);
                string below = number == 0 ? parentUuid : uppers[1].Header.Uuid;
                if (upper.Header.ParentUuid.Equals(below, StringComparison.OrdinalIgnoreCase)) continue;
                throw number == 0
                    ? new SluiceException(SluiceError.Usage, files.Name, $"the writable layer in it belongs to another image: to layer {upper.Header.ParentUuid}, not {below}", "use the image that it was made with, or another directory")
                    : new InvalidFormatException("lsmt", $"{DataName}.{number} lies over {upper.Header.ParentUuid}, not over {below}");
            }

            if (uppers[0].IsSealed) uppers.Insert(0, Make(files, uppers.Count, uppers[0] is SparseUpper ? UpperKind.Sparse : UpperKind.Append, uppers[0].Header.VirtualSize, uppers[0].Header.Uuid, volatileDirectory));
            else UpperHeaders.Check(files.Sync(), "its directory can't be synced");
            var opened = new UpperDirectory(files, volatileDirectory, [.. uppers]);
            opened.TrySealAllBut(1);
            return opened;
        }
        catch
        {
            foreach (LoggedUpper upper in uppers) upper.Dispose();
            throw;
        }
    }

    /// <summary>One that can't be sealed now is read and flushed as it is; the next seal says why.</summary>
    private void TrySealAllBut(int newest)
    {
        try
        {
            SealAllBut(newest);
        }
        catch (SluiceException)
        {
            // Who only wants to use the disk must not need room for an index.
        }
    }

    private SluiceException NotSealed(UpperError error) =>
        new(SluiceError.Disk, _files.Name, $"the writable layer can't be sealed ({error})", error == UpperError.NoSpace ? "free space, then try again" : null);

    /// <param name="newest">How many of the newest are left as they are.</param>
    private void SealAllBut(int newest)
    {
        foreach (LoggedUpper upper in _uppers.Skip(Math.Max(newest, 1)))
        {
            if (upper.IsSealed) continue;
            UpperError error = upper.Seal();
            if (error != UpperError.None) throw NotSealed(error);
        }
    }

    private static LoggedUpper Make(IUpperFiles files, int number, UpperKind kind, long virtualSize, string parentUuid, string? volatileDirectory)
    {
        Remove(files, number);
        LsmtHeader header = LsmtHeader.ForData(virtualSize, Guid.NewGuid().ToString(), parentUuid, kind == UpperKind.Sparse);
        try
        {
            LoggedUpper made = WithFiles<LoggedUpper>(files, number, FileMode.CreateNew, header.Uuid, volatileDirectory, (data, log, pending) =>
                kind == UpperKind.Sparse ? SparseUpper.Create(data, log, header, pending) : AppendUpper.Create(data, log, header, pending));
            if (files.Sync() == UpperError.None) return made;
            made.Dispose();
            throw new SluiceException(SluiceError.Disk, files.Name, "can't be synced");
        }
        catch
        {
            Remove(files, number);
            throw;
        }
    }

    private static LoggedUpper OpenOne(IUpperFiles files, int number, string? volatileDirectory)
    {
        LsmtHeader header;
        using (IUpperFile data = files.Open(NameOf(DataName, number), FileMode.Open)) header = UpperHeaders.Read(data);
        return WithFiles<LoggedUpper>(files, number, FileMode.OpenOrCreate, header.Uuid, volatileDirectory, (data, log, pending) =>
            header.Flags.HasFlag(LsmtFlags.Sparse) ? SparseUpper.Open(data, log, pending, sealedToo: true) : AppendUpper.Open(data, log, pending, sealedToo: true));
    }

    private static T WithFiles<T>(IUpperFiles files, int number, FileMode mode, string uuid, string? volatileDirectory, Func<IUpperFile, IUpperFile, PendingFile?, T> make)
    {
        IUpperFile? data = null, log = null;
        PendingFile? pending = null;
        try
        {
            data = files.Open(NameOf(DataName, number), mode);
            log = files.Open(NameOf(LogName, number), mode);
            pending = volatileDirectory is null ? null : PendingFile.Open(volatileDirectory, uuid, Path.GetFullPath(files.Name));
            return make(data, log, pending);
        }
        catch
        {
            data?.Dispose();
            log?.Dispose();
            pending?.Dispose();
            if (mode == FileMode.CreateNew && pending is not null) pending.Delete();
            throw;
        }
    }

    /// <summary>The first pair of files is there. What is left of one that was not completed holds nothing, and counts as nothing.</summary>
    private static bool IsMade(IUpperFiles files) => files.Exists(DataName) && (IsComplete(files, 0) || HasData(files, 0));

    /// <summary>There is an upper of this number. What is left of one that was not completed does not count; one with data is never taken for that.</summary>
    /// <exception cref="InvalidFormatException">It is damaged.</exception>
    private static bool IsNext(IUpperFiles files, int number)
    {
        if (IsComplete(files, number)) return true;
        if (!files.Exists(NameOf(DataName, number)) || !HasData(files, number)) return false;
        throw new InvalidFormatException("lsmt", $"{NameOf(DataName, number)} has data, but no header, or none in {NameOf(LogName, number)}");
    }

    /// <summary>Both headers are there: the log's is written last.</summary>
    private static bool IsComplete(IUpperFiles files, int number)
    {
        if (!files.Exists(NameOf(DataName, number))) return false;
        using IUpperFile data = files.Open(NameOf(DataName, number), FileMode.Open);
        if (!HasHeader(data, out LsmtHeader? header)) return false;
        if (!files.Exists(NameOf(LogName, number))) return header.Flags.HasFlag(LsmtFlags.Sparse) && number == 0; // overlaybd's
        using IUpperFile log = files.Open(NameOf(LogName, number), FileMode.Open);
        return HasHeader(log, out _) || (header.Flags.HasFlag(LsmtFlags.Sparse) && number == 0);
    }

    private static bool HasHeader(IUpperFile file, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out LsmtHeader? header)
    {
        header = null;
        if (UpperHeaders.Length(file) < LsmtHeader.Size) return false;
        byte[] bytes = new byte[LsmtHeader.Size];
        UpperHeaders.Check(file.Read(0, bytes), "the header can't be read");
        if (!LsmtHeader.IsMatch(bytes)) return false;
        header = LsmtHeader.Read(bytes);
        return true;
    }

    /// <summary>Anything behind the place of the header: then it is no leftover, and opening it says what is wrong.</summary>
    private static bool HasData(IUpperFiles files, int number)
    {
        using IUpperFile data = files.Open(NameOf(DataName, number), FileMode.Open);
        UpperHeaders.Check(data.FindData(LsmtHeader.Size, out long start, out long end), "its data can't be found");
        return start < end;
    }

    private static void Remove(IUpperFiles files, int number)
    {
        files.Delete(NameOf(LogName, number));
        files.Delete(NameOf(DataName, number));
    }

    private static string NameOf(string name, int number) => number == 0 ? name : $"{name}.{number}";
}
