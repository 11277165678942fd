using Microsoft.Data.Sqlite;
using Sluice.Formats;

namespace Sluice.Containerd.Snapshots.Metadata;

/// <summary>
/// <c>metadata.db</c>: one writer, one reader, write-ahead log. A write is on disk when it returns (synchronous=FULL): containerd
/// remembers snapshots for ever, so losing the last ones in a power cut would break images.
/// </summary>
internal sealed class SnapshotDatabase : IDisposable
{
    private readonly SqliteConnection _writer;
    private readonly SqliteConnection _reader;
    private readonly Lock _writing = new();
    private readonly Lock _reading = new();
    private readonly string _path;
    private bool _disposed;

    private SnapshotDatabase(SqliteConnection writer, SqliteConnection reader, string path)
    {
        _writer = writer;
        _reader = reader;
        _path = path;
    }

    /// <exception cref="SluiceException">The file is damaged, of a later version or can't be opened.</exception>
    public static SnapshotDatabase Open(string path)
    {
        SqliteConnection? writer = null;
        try
        {
            writer = Connect(path);
            SnapshotSchema.Apply(writer, path);
            return new SnapshotDatabase(writer, Connect(path), path);
        }
        catch (SqliteException exception)
        {
            writer?.Dispose();
            throw Failure(path, exception);
        }
        catch
        {
            writer?.Dispose();
            throw;
        }
    }

    /// <summary>Runs <paramref name="query"/> on one consistent state.</summary>
    public T Read<T>(Func<SnapshotQueries, T> query)
    {
        lock (_reading)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            try
            {
                using SqliteTransaction transaction = _reader.BeginTransaction(deferred: true);
                return query(new SnapshotQueries(_reader, transaction));
            }
            catch (SqliteException exception)
            {
                throw Failure(_path, exception);
            }
        }
    }

    /// <summary>Runs <paramref name="change"/> alone; everything it did is undone when it throws.</summary>
    public T Write<T>(Func<SnapshotChanges, T> change)
    {
        lock (_writing)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            try
            {
                using SqliteTransaction transaction = _writer.BeginTransaction();
                T result = change(new SnapshotChanges(_writer, transaction));
                transaction.Commit();
                return result;
            }
            catch (SqliteException exception)
            {
                throw Failure(_path, exception);
            }
        }
    }

    public void Dispose()
    {
        lock (_writing)
            lock (_reading)
            {
                if (_disposed) return;
                _disposed = true;
                _reader.Dispose();
                _writer.Dispose();
            }
    }

    private static SqliteConnection Connect(string path)
    {
        SqliteConnectionStringBuilder builder = new() { DataSource = path, Pooling = false, ForeignKeys = true, DefaultTimeout = 10 };
        SqliteConnection connection = new(builder.ConnectionString);
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
        command.ExecuteNonQuery();
        return connection;
    }

    private static SluiceException Failure(string path, SqliteException exception) =>
        new(SluiceError.Disk, path, exception.Message, inner: exception);
}
