using Sluice.Testing;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Blocks;

/// <summary>The tree of the image that overlaybd wrote, as it was when overlaybd had it mounted.</summary>
internal static class GoldenTree
{
    private const string Script = """
        cd "$0" && find . -name lost+found -prune -o -printf '%y %m %U:%G %s %p -> %l\n' && find . -name lost+found -prune -o -type f -print0 | xargs -0 sha256sum
        """;

    public static async Task AssertIsAsync(string directory)
    {
        (int exitCode, string output) = await Command.RunAsync("/bin/sh", ["-c", Script, directory]);
        Assert.True(exitCode == 0, output);
        Assert.Equal(Lines(File.ReadAllText(Golden.Path("overlaybd/tar/stack3.tree.txt"))), Lines(output));
    }

    private static IEnumerable<string> Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal);
}
