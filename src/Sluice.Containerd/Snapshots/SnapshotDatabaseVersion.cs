using Microsoft.Data.Sqlite;
using Sluice.Containerd.Snapshots.Metadata;

namespace Sluice.Containerd.Snapshots;

/// <summary>Says which program a root's <c>metadata.db</c> is for, without opening it as a snapshotter does.</summary>
public static class SnapshotDatabaseVersion
{
    /// <summary>The newest schema that this program knows.</summary>
    public const long Known = SnapshotSchema.Version;

    /// <summary>The schema of a file; null if it can't be read. Changes nothing.</summary>
    public static long? Read(string path)
    {
        try
        {
            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "PRAGMA user_version";
            return (long)command.ExecuteScalar()!;
        }
        catch (SqliteException)
        {
            return null;
        }
    }
}
