using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Sluice.Formats;

namespace Sluice.Node.Succession;

/// <summary>
/// What is mounted, written ahead, for the process that takes over: a file for each connection and each mount, in <c>state/mounted</c>. It has to outlive
/// this process, not the machine, so nothing is synced. All members may be called concurrently.
/// </summary>
internal sealed class MountDescription
{
    /// <summary>Of the records. An older one is accepted: what it lacks has the value that it meant then.</summary>
    public const int Version = 1;

    private const string Suffix = ".json", ConnectionPrefix = "connection-";

    private readonly Lock _gate = new();
    private readonly string _directory;
    private readonly Dictionary<string, MountRecord> _mounts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ConnectionRecord> _connections = new(StringComparer.Ordinal);

    private MountDescription(string directory) => _directory = directory;

    public IReadOnlyList<MountRecord> Mounts
    {
        get
        {
            lock (_gate) return [.. _mounts.Values];
        }
    }

    /// <summary>Reads what a predecessor has left; a damaged record counts as missing.</summary>
    /// <exception cref="SluiceException">Configuration: a newer version wrote it. Disk: the directory can't be used.</exception>
    public static MountDescription Open(string directory, Action<string> log)
    {
        var description = new MountDescription(directory);
        try
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            foreach (string file in Directory.EnumerateFiles(directory, "*" + Suffix).Order(StringComparer.Ordinal)) description.Read(file, log);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, directory, exception.Message, "the state directory must be one that can be written", exception);
        }

        return description;
    }

    /// <summary>The mount of one record, for whoever only looks; null: it is of something else, or damaged.</summary>
    public static MountRecord? TryRead(string record)
    {
        try
        {
            return JsonSerializer.Deserialize(record, MountRecordJson.Default.MountRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public ConnectionRecord? Connection(string name)
    {
        lock (_gate) return _connections.GetValueOrDefault(name);
    }

    public MountRecord? Mount(string key)
    {
        lock (_gate) return _mounts.GetValueOrDefault(key);
    }

    public void Write(ConnectionRecord connection)
    {
        lock (_gate)
        {
            Store(ConnectionPrefix + connection.Name, connection, MountRecordJson.Default.ConnectionRecord);
            _connections[connection.Name] = connection;
        }
    }

    public void Write(MountRecord mount)
    {
        lock (_gate)
        {
            Store(mount.Key, mount, MountRecordJson.Default.MountRecord);
            _mounts[mount.Key] = mount;
        }
    }

    /// <summary>Changes a record that is there.</summary>
    public void Update(string key, Func<MountRecord, MountRecord> change)
    {
        lock (_gate)
        {
            if (_mounts.TryGetValue(key, out MountRecord? mount)) Write(change(mount));
        }
    }

    /// <summary>A disk got a handle of the kernel.</summary>
    public void Register(string disk, int backingId)
    {
        lock (_gate)
        {
            if (_mounts.Values.FirstOrDefault(mount => mount.Disks.Any(known => known.Name == disk)) is not { } mount) return;
            Write(mount with { Disks = [.. mount.Disks.Select(known => known.Name == disk ? known with { BackingId = backingId } : known)] });
        }
    }

    public void Remove(string key)
    {
        lock (_gate)
        {
            _mounts.Remove(key);
            File.Delete(PathOf(key));
        }
    }

    public void RemoveConnection(string name)
    {
        lock (_gate)
        {
            _connections.Remove(name);
            File.Delete(PathOf(ConnectionPrefix + name));
        }
    }

    private void Read(string file, Action<string> log)
    {
        try
        {
            byte[] content = File.ReadAllBytes(file);
            int version = JsonSerializer.Deserialize(content, MountRecordJson.Default.VersionRecord)?.Version ?? 0;
            if (version > Version)
            {
                throw new SluiceException(
                    SluiceError.Configuration, file, $"was written by a newer Sluice: it has version {version}, this one knows {Version}",
                    "start the newer one; to go back for good, let it unmount everything first: sluice umount --all");
            }

            if (Path.GetFileName(file).StartsWith(ConnectionPrefix, StringComparison.Ordinal))
            {
                ConnectionRecord connection = JsonSerializer.Deserialize(content, MountRecordJson.Default.ConnectionRecord)!;
                _connections[connection.Name] = connection with { Version = Version };
                return;
            }

            MountRecord mount = JsonSerializer.Deserialize(content, MountRecordJson.Default.MountRecord)!;
            if (PathOf(mount.Key) != file) throw new JsonException("its name is not its key");
            _mounts[mount.Key] = mount with { Version = Version };
        }
        catch (Exception damaged) when (damaged is JsonException or ArgumentNullException)
        {
            log($"{file}: not understood, what it describes is not taken over: {damaged.Message}");
            File.Delete(file);
        }
    }

    /// <summary>A reader finds the old record or the new one.</summary>
    private void Store<T>(string key, T record, JsonTypeInfo<T> type)
    {
        string path = PathOf(key), fresh = path + ".new";
        File.WriteAllBytes(fresh, JsonSerializer.SerializeToUtf8Bytes(record, type));
        File.Move(fresh, path, overwrite: true);
    }

    private string PathOf(string key) => Path.Combine(_directory, key + Suffix);
}
