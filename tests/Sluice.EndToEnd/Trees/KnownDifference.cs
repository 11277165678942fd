namespace Sluice.EndToEnd.Trees;

/// <summary>A difference between what containerd unpacks and what Sluice mounts that is meant to be. Each is a row of docs/differences.md.</summary>
/// <param name="Field">As in <see cref="TreeDifference"/>.</param>
/// <param name="Paths">The paths of the edge image that show it; null: every directory.</param>
/// <param name="Accepts">What containerd and Sluice say.</param>
internal sealed record KnownDifference(string Field, string[]? Paths, Func<string, string, bool> Accepts)
{
    /// <summary>2025-01-01, later than every time in the edge image but one: a time after it is that of unpacking.</summary>
    private const long Recently = 1_735_689_600_000_000_000;

    private const long InTheTar = 1_700_000_000_000_000_000;

    public static readonly IReadOnlyList<KnownDifference> All =
    [
        // A directory that a layer changes without an entry of its own: containerd leaves the time of unpacking.
        new("mtime", null, (unpacked, lazy) => long.Parse(unpacked) > Recently && long.Parse(lazy) is 0 or InTheTar),
        new("mtime", ["kinds/neg"], (unpacked, lazy) => unpacked == "0" && lazy == "-86400000000000"),
        new("mode", ["kinds/fifo", "kinds/hl-fifo"], (unpacked, lazy) => unpacked == "0644" && lazy == "0622"),
        new("xattrs", ["caps/trusted"], (unpacked, lazy) => unpacked.Length == 0 && lazy == "trusted.foo=626172"),
        new("nlink", ["kinds/fifo", "kinds/hl-fifo", "kinds/sym-rel", "kinds/hl-sym"], (unpacked, lazy) => unpacked == "2" && lazy == "1"),
    ];

    public bool Explains(TreeDifference difference, bool isDirectory) =>
        difference.Field == Field && (Paths?.Contains(difference.Path) ?? isDirectory) && Accepts(difference.Left, difference.Right);
}
