using Microsoft.Data.Sqlite;
using Sluice.Containerd.Snapshots.Filters;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats.Oci;

namespace Sluice.Containerd.Snapshots.Metadata;

/// <summary>What can be asked inside one transaction.</summary>
internal class SnapshotQueries(SqliteConnection connection, SqliteTransaction transaction)
{
    private const string Columns = """
        SELECT s.id, s.parent_id, s.name, p.name, s.kind, s.created_at, s.updated_at, s.size, s.inodes, i.manifest, i.reference, s.completes, s.mode
        FROM snapshots s LEFT JOIN snapshots p ON p.id = s.parent_id LEFT JOIN lazy_images i ON i.id = s.image_id
        """;

    public SnapshotRecord? Find(string name)
    {
        using SqliteCommand command = Command($"{Columns} WHERE s.name = $name", ("$name", name));
        return ReadAll(command).FirstOrDefault();
    }

    /// <summary>The snapshots below <paramref name="id"/>, nearest first, beginning with itself.</summary>
    public IReadOnlyList<SnapshotRecord> Chain(long id, bool withLabels = false)
    {
        using SqliteCommand command = Command(
            $"""
            WITH RECURSIVE chain (id, depth) AS (
              SELECT $id, 0
              UNION ALL
              SELECT s.parent_id, chain.depth + 1 FROM chain JOIN snapshots s ON s.id = chain.id WHERE s.parent_id IS NOT NULL)
            {Columns} JOIN chain ON chain.id = s.id ORDER BY chain.depth
            """,
            ("$id", id));
        return ReadAll(command, withLabels);
    }

    /// <summary>The committed lazy layer that carries this reference above this parent.</summary>
    public SnapshotRecord? FindLazy(string reference, string parent)
    {
        using SqliteCommand command = Command(
            $"""
            {Columns} JOIN labels l ON l.snapshot_id = s.id AND l.name = $label AND l.value = $reference
            WHERE s.kind = 3 AND s.image_id IS NOT NULL AND coalesce(p.name, '') = $parent LIMIT 1
            """,
            ("$label", SnapshotLabels.Reference), ("$reference", reference), ("$parent", parent));
        return ReadAll(command).FirstOrDefault();
    }

    /// <summary>The committed ordinary layers that carry this reference above this parent, whoever has made them.</summary>
    public IReadOnlyList<SnapshotRecord> FindOrdinary(string reference, string parent)
    {
        using SqliteCommand command = Command(
            $"""
            {Columns} JOIN labels l ON l.snapshot_id = s.id AND l.name = $label AND l.value = $reference
            WHERE s.kind = 3 AND s.image_id IS NULL AND coalesce(p.name, '') = $parent
            """,
            ("$label", SnapshotLabels.Reference), ("$reference", reference), ("$parent", parent));
        return ReadAll(command);
    }

    /// <summary>All layers of lazy images, parents before children.</summary>
    public IReadOnlyList<SnapshotRecord> LazyLayers()
    {
        using SqliteCommand command = Command($"{Columns} WHERE s.image_id IS NOT NULL ORDER BY s.id");
        return ReadAll(command);
    }

    /// <summary>The lazy layer with this reference.</summary>
    public SnapshotRecord? FindLazy(string reference)
    {
        using SqliteCommand command = Command(
            $"{Columns} JOIN labels l ON l.snapshot_id = s.id AND l.name = $label AND l.value = $reference WHERE s.image_id IS NOT NULL LIMIT 1",
            ("$label", SnapshotLabels.Reference), ("$reference", reference));
        return ReadAll(command).FirstOrDefault();
    }

    /// <summary>True if there is an ordinary committed snapshot of this key in a namespace of containerd.</summary>
    public bool IsUnpacked(string containerNamespace, string key)
    {
        using SqliteCommand command = Command("SELECT name FROM snapshots WHERE kind = 3 AND image_id IS NULL AND name LIKE $pattern", ("$pattern", "%/" + key));
        using SqliteDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            if (SnapshotKey.TryParse(reader.GetString(0), out SnapshotKey name) && name.Namespace == containerNamespace && name.Key == key) return true;
        }

        return false;
    }

    /// <summary>True if a layer with this reference is part of a lazy image and does not complete it.</summary>
    public bool IsInner(string reference)
    {
        using SqliteCommand command = Command(
            """
            SELECT EXISTS (SELECT 1 FROM snapshots s JOIN labels l ON l.snapshot_id = s.id AND l.name = $label AND l.value = $reference
            WHERE s.image_id IS NOT NULL AND NOT s.completes)
            """,
            ("$label", SnapshotLabels.Reference), ("$reference", reference));
        return (long)command.ExecuteScalar()! != 0;
    }

    public bool HasChildren(long id)
    {
        using SqliteCommand command = Command("SELECT EXISTS (SELECT 1 FROM snapshots WHERE parent_id = $id)", ("$id", id));
        return (long)command.ExecuteScalar()! != 0;
    }

    /// <summary>True while containers can still be made from the image.</summary>
    public bool IsMountable(LazyImageKey image)
    {
        using SqliteCommand command = Command(
            "SELECT EXISTS (SELECT 1 FROM snapshots s JOIN lazy_images i ON i.id = s.image_id WHERE i.manifest = $manifest AND s.completes)",
            ("$manifest", image.Manifest.ToString()));
        return (long)command.ExecuteScalar()! != 0;
    }

    /// <summary>Images with at least one layer that completes them.</summary>
    public IReadOnlyList<LazyImage> MountableImages()
    {
        using SqliteCommand command = Command(
            "SELECT manifest, reference FROM lazy_images WHERE id IN (SELECT image_id FROM snapshots WHERE completes) ORDER BY id");
        using SqliteDataReader reader = command.ExecuteReader();
        List<LazyImage> images = [];
        while (reader.Read()) images.Add(new LazyImage(new LazyImageKey(Digest.Parse(reader.GetString(0))), reader.GetString(1)));
        return images;
    }

    public IReadOnlySet<long> AllIds()
    {
        using SqliteCommand command = Command("SELECT id FROM snapshots");
        using SqliteDataReader reader = command.ExecuteReader();
        HashSet<long> ids = [];
        while (reader.Read()) ids.Add(reader.GetInt64(0));
        return ids;
    }

    /// <summary>Snapshots that match at least one filter (all when there is none), in the order of their names.</summary>
    public IReadOnlyList<SnapshotInfo> List(IReadOnlyList<SnapshotFilter> filters)
    {
        SortedDictionary<string, SnapshotInfo> found = new(StringComparer.Ordinal);
        foreach (SnapshotFilter filter in filters.Count == 0 ? [SnapshotFilter.All] : filters)
        {
            foreach (SnapshotRecord record in Candidates(filter))
            {
                if (filter.Matches(record.Info)) found[record.Info.Name] = record.Info;
            }
        }

        return [.. found.Values];
    }

    protected SqliteCommand Command(string text, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        SqliteCommand command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = text;
        foreach ((string name, object? value) in parameters) command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        return command;
    }

    /// <summary>Narrows a list by the first equality that has an index; the filter itself is applied by the caller.</summary>
    private List<SnapshotRecord> Candidates(SnapshotFilter filter)
    {
        IEnumerable<FilterSelector> equalities = filter.Selectors.Where(selector => selector.Operator == FilterOperator.Equal);
        FilterSelector? best = equalities.FirstOrDefault(selector => selector.Field == "name")
            ?? equalities.FirstOrDefault(selector => selector.Field == "labels")
            ?? equalities.FirstOrDefault(selector => selector.Field == "parent" && selector.Value.Length > 0);
        string condition = best?.Field switch
        {
            "name" => "WHERE s.name = $value",
            "labels" => "WHERE s.id IN (SELECT snapshot_id FROM labels WHERE name = $label AND value = $value)",
            "parent" => "WHERE s.parent_id = (SELECT id FROM snapshots WHERE name = $value)",
            _ => "",
        };
        using SqliteCommand command = Command($"{Columns} {condition}", ("$label", best?.Label), ("$value", best?.Value));
        return ReadAll(command);
    }

    private List<SnapshotRecord> ReadAll(SqliteCommand command, bool withLabels = true)
    {
        List<SnapshotRecord> records = [];
        using SqliteDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            long id = reader.GetInt64(0);
            SnapshotInfo info = new(
                reader.GetString(2),
                reader.IsDBNull(3) ? "" : reader.GetString(3),
                (SnapshotKind)reader.GetInt64(4),
                DateTimeOffset.UnixEpoch.AddTicks(reader.GetInt64(5)),
                DateTimeOffset.UnixEpoch.AddTicks(reader.GetInt64(6)),
                withLabels ? Labels(id) : System.Collections.Frozen.FrozenDictionary<string, string>.Empty);
            LazyLayer? layer = reader.IsDBNull(9)
                ? null
                : new LazyLayer(new LazyImage(new LazyImageKey(Digest.Parse(reader.GetString(9))), reader.GetString(10)), reader.GetInt64(11) != 0);
            long? parent = reader.IsDBNull(1) ? null : reader.GetInt64(1);
            records.Add(new SnapshotRecord(id, parent, info, new SnapshotUsage(reader.GetInt64(7), reader.GetInt64(8)), layer, (WriteMode)reader.GetInt64(12)));
        }

        return records;
    }

    private Dictionary<string, string> Labels(long id)
    {
        using SqliteCommand command = Command("SELECT name, value FROM labels WHERE snapshot_id = $id", ("$id", id));
        using SqliteDataReader reader = command.ExecuteReader();
        Dictionary<string, string> labels = new(StringComparer.Ordinal);
        while (reader.Read()) labels.Add(reader.GetString(0), reader.GetString(1));
        return labels;
    }
}
