using System.Text.Json;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Trees;

/// <summary>Everything that system calls tell about a tree: path → field → value. Made by a program, since .NET changes names that are not UTF-8.</summary>
internal sealed class TreeListing
{
    private readonly Dictionary<string, Dictionary<string, string>> _entries = new(StringComparer.Ordinal);

    public IReadOnlyCollection<string> Paths => _entries.Keys;

    public static async Task<TreeListing> ReadAsync(string directory)
    {
        (int exitCode, string output) = await Command.RunAsync(Command.Require("python3"), [Path.Combine(AppContext.BaseDirectory, "Trees", "list-tree.py"), directory]);
        Assert.True(exitCode == 0, output);
        TreeListing listing = new();
        foreach (string line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Dictionary<string, string> entry = JsonSerializer.Deserialize<Dictionary<string, string>>(line)!;
            entry.Remove("path", out string? path);
            listing._entries.Add(path!, entry);
        }

        return listing;
    }

    public IReadOnlyDictionary<string, string>? Find(string path) => _entries.GetValueOrDefault(path);

    /// <summary>What is different in <paramref name="other"/>. A path that only one has differs in <c>type</c>.</summary>
    /// <remarks>Link count and size of directories are left out: file systems choose them freely, and overlayfs changes them.</remarks>
    public IReadOnlyList<TreeDifference> Compare(TreeListing other) =>
    [
        .. from path in _entries.Keys.Union(other._entries.Keys).Order(StringComparer.Ordinal)
           let here = _entries.GetValueOrDefault(path) ?? []
           let there = other._entries.GetValueOrDefault(path) ?? []
           let directory = here.GetValueOrDefault("type") == "directory" && there.GetValueOrDefault("type") == "directory"
           from field in here.Count == 0 || there.Count == 0 ? ["type"] : here.Keys.Union(there.Keys)
           where !(directory && field is "nlink" or "size" && directory)
           let mine = here.GetValueOrDefault(field, "")
           let theirs = there.GetValueOrDefault(field, "")
           where mine != theirs
           select new TreeDifference(path, field, mine, theirs),
    ];
}

/// <summary>One field of one path that two trees disagree about; an empty value: not there.</summary>
internal sealed record TreeDifference(string Path, string Field, string Left, string Right);
