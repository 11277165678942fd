using Microsoft.Data.Sqlite;
using Sluice.Containerd.Snapshots;
using Sluice.Formats;
using Sluice.Node.Succession;
using Sluice.Testing;

namespace Sluice.Node.Tests.Succession;

public sealed class RootVersionsTests
{
    private static string Lines => string.Concat(RootVersions.Known.Select(kind => $"{kind.Key} {kind.Value}\n"));

    private static string Current => RootVersions.Seal(Lines);

    public static TheoryData<string> Kinds => [.. RootVersions.Known.Keys, "a kind of a later program"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_later_version_of_any_kind_is_refused_and_named(string kind)
    {
        using TemporaryDirectory root = new();
        string file = root.File(RootVersions.Name), name = kind.Replace(' ', '-');
        long known = RootVersions.Known.GetValueOrDefault(name);
        string later = $"{name} {known + 1}\n";
        string content = RootVersions.Seal(Lines + later);
        File.WriteAllText(file, content);
        SluiceException refused = Assert.Throws<SluiceException>(() => RootVersions.Check(root.Path));
        Assert.Equal(SluiceError.Disk, refused.Error);
        Assert.Contains(file, refused.Message, StringComparison.Ordinal);
        Assert.Contains($"{name} has version {known + 1}, this program knows {(known == 0 ? "none" : known)}", refused.Message, StringComparison.Ordinal);
        Assert.Contains("start the later one", refused.Hint, StringComparison.Ordinal);
        Assert.Equal(new LaterFile(file, name, known + 1, known), RootVersions.Find(root.Path));
        Assert.Equal(content, File.ReadAllText(file));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("map 1\n")]
    [InlineData("torn")]
    [InlineData("nap 7\ncrc32c 00000000\n")]
    [InlineData("map\nmap x\n\0\0\0 3 4")]
    public void Earlier_versions_are_accepted_and_what_is_damaged_says_nothing(string? content)
    {
        using TemporaryDirectory root = new();
        if (content is not null) File.WriteAllText(root.File(RootVersions.Name), content);
        RootVersions.Check(root.Path);
        RootVersions.Write(root.Path);
        Assert.Equal(Current, File.ReadAllText(root.File(RootVersions.Name)));
        RootVersions.Check(root.Path);
        Assert.Null(RootVersions.Find(root.Path));
    }

    [Fact]
    public void A_later_database_is_found_by_itself_too()
    {
        using TemporaryDirectory root = new();
        using (SqliteConnection database = new($"Data Source={root.File("metadata.db")};Pooling=False"))
        {
            database.Open();
            using SqliteCommand command = database.CreateCommand();
            command.CommandText = "PRAGMA user_version = 99";
            command.ExecuteNonQuery();
        }

        Assert.Equal(new LaterFile(root.File("metadata.db"), "schema", 99, SnapshotDatabaseVersion.Known), RootVersions.Find(root.Path));
    }
}
