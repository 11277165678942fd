using Microsoft.Data.Sqlite;
using Sluice.Containerd.Snapshots.Lazy;

namespace Sluice.Containerd.Snapshots.Metadata;

/// <summary>What can be changed inside one transaction. Callers check the rules of the snapshots API before.</summary>
internal sealed class SnapshotChanges(SqliteConnection connection, SqliteTransaction transaction) : SnapshotQueries(connection, transaction)
{
    /// <returns>The new id.</returns>
    public long Insert(SnapshotKind kind, string name, long? parentId, DateTimeOffset now, IReadOnlyDictionary<string, string> labels, LazyLayer? layer = null, WriteMode mode = WriteMode.Overlay)
    {
        using SqliteCommand command = Command(
            """
            INSERT INTO snapshots (name, parent_id, kind, created_at, updated_at, image_id, completes, mode)
            VALUES ($name, $parent, $kind, $now, $now, $image, $completes, $mode) RETURNING id
            """,
            ("$name", name), ("$parent", parentId), ("$kind", (long)kind), ("$now", Ticks(now)),
            ("$image", layer is null ? null : Image(layer.Image)), ("$completes", layer is { Completes: true } ? 1L : 0L), ("$mode", (long)mode));
        long id = (long)command.ExecuteScalar()!;
        SetLabels(id, labels);
        return id;
    }

    /// <summary>Renames an active snapshot to its committed name. Labels are replaced, not inherited.</summary>
    public void Commit(long id, string name, SnapshotUsage usage, DateTimeOffset now, IReadOnlyDictionary<string, string> labels)
    {
        using SqliteCommand command = Command(
            "UPDATE snapshots SET name = $name, kind = 3, size = $size, inodes = $inodes, created_at = $now, updated_at = $now WHERE id = $id",
            ("$id", id), ("$name", name), ("$size", usage.Size), ("$inodes", usage.Inodes), ("$now", Ticks(now)));
        command.ExecuteNonQuery();
        SetLabels(id, labels);
    }

    public void Update(long id, DateTimeOffset now, IReadOnlyDictionary<string, string> labels)
    {
        using SqliteCommand command = Command("UPDATE snapshots SET updated_at = $now WHERE id = $id", ("$id", id), ("$now", Ticks(now)));
        command.ExecuteNonQuery();
        SetLabels(id, labels);
    }

    public void Delete(long id)
    {
        using SqliteCommand command = Command("DELETE FROM snapshots WHERE id = $id", ("$id", id));
        command.ExecuteNonQuery();
    }

    /// <summary>Drops images that no snapshot refers to.</summary>
    public void ForgetUnusedImages()
    {
        using SqliteCommand command = Command("DELETE FROM lazy_images WHERE id NOT IN (SELECT image_id FROM snapshots WHERE image_id IS NOT NULL)");
        command.ExecuteNonQuery();
    }

    private static long Ticks(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks;

    /// <summary>A later layer may come from another name of the same image; the latest one is the most likely to work.</summary>
    private long Image(LazyImage image)
    {
        using SqliteCommand command = Command(
            "INSERT INTO lazy_images (manifest, reference) VALUES ($manifest, $reference) ON CONFLICT (manifest) DO UPDATE SET reference = excluded.reference RETURNING id",
            ("$manifest", image.Key.Manifest.ToString()), ("$reference", image.Reference));
        return (long)command.ExecuteScalar()!;
    }

    /// <summary>An empty value means that the label is not there, as in containerd's own store.</summary>
    private void SetLabels(long id, IReadOnlyDictionary<string, string> labels)
    {
        using SqliteCommand delete = Command("DELETE FROM labels WHERE snapshot_id = $id", ("$id", id));
        delete.ExecuteNonQuery();
        foreach ((string name, string value) in labels)
        {
            if (value.Length == 0) continue;
            using SqliteCommand insert = Command(
                "INSERT INTO labels (snapshot_id, name, value) VALUES ($id, $name, $value)", ("$id", id), ("$name", name), ("$value", value));
            insert.ExecuteNonQuery();
        }
    }
}
