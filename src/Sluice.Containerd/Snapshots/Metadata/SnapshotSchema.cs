using Microsoft.Data.Sqlite;
using Sluice.Formats;

namespace Sluice.Containerd.Snapshots.Metadata;

/// <summary>Tables of <c>metadata.db</c>. <c>user_version</c> says which schema a file has.</summary>
internal static class SnapshotSchema
{
    public const long Version = 2;

    // created_at and updated_at count 100 ns since 1970. AUTOINCREMENT: an id, and with it a directory, is never used twice.
    private const string Tables = """
        CREATE TABLE lazy_images (
          id        INTEGER PRIMARY KEY,
          manifest  TEXT NOT NULL UNIQUE,
          reference TEXT NOT NULL
        ) STRICT;
        CREATE TABLE snapshots (
          id         INTEGER PRIMARY KEY AUTOINCREMENT,
          name       TEXT NOT NULL UNIQUE,
          parent_id  INTEGER REFERENCES snapshots (id) ON DELETE RESTRICT,
          kind       INTEGER NOT NULL CHECK (kind IN (1, 2, 3)),
          created_at INTEGER NOT NULL,
          updated_at INTEGER NOT NULL,
          size       INTEGER NOT NULL DEFAULT 0,
          inodes     INTEGER NOT NULL DEFAULT 0,
          image_id   INTEGER REFERENCES lazy_images (id) ON DELETE RESTRICT,
          completes  INTEGER NOT NULL DEFAULT 0 CHECK (completes IN (0, 1))
        ) STRICT;
        CREATE INDEX snapshots_by_parent ON snapshots (parent_id);
        CREATE INDEX snapshots_by_image ON snapshots (image_id) WHERE image_id IS NOT NULL;
        CREATE TABLE labels (
          snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
          name        TEXT NOT NULL,
          value       TEXT NOT NULL,
          PRIMARY KEY (snapshot_id, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX labels_by_value ON labels (name, value);
        PRAGMA user_version = 1;
        """;

    // From 1 to 2: how containers write.
    private const string Modes = """
        ALTER TABLE snapshots ADD COLUMN mode INTEGER NOT NULL DEFAULT 0 CHECK (mode IN (0, 1, 2));
        PRAGMA user_version = 2;
        """;

    /// <summary>Creates the tables in an empty file, brings older ones up to date, and refuses files of a later program.</summary>
    public static void Apply(SqliteConnection connection, string path)
    {
        using SqliteTransaction transaction = connection.BeginTransaction();
        using SqliteCommand command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = "PRAGMA user_version";
        long version = (long)command.ExecuteScalar()!;
        if (version > Version)
        {
            throw new SluiceException(SluiceError.Disk, path, $"written by a later version (schema {version}, this program knows {Version})", "start the later program, or use another root");
        }

        foreach (string change in ((string[])[Tables, Modes])[(int)version..])
        {
            command.CommandText = change;
            command.ExecuteNonQuery();
        }

        transaction.Commit();
    }
}
