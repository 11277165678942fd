using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Harness;

/// <summary>The image tool of others.</summary>
internal static class Skopeo
{
    /// <summary>Copies an image byte for byte. Registries are spoken to over http.</summary>
    public static async Task CopyAsync(string from, string to, params string[] more)
    {
        (int exitCode, string output) = await Command.RunAsync(
            Command.Require("skopeo"), ["copy", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false", .. more, from, to]);
        Assert.True(exitCode == 0, $"skopeo copy {from} {to}\n{output}");
    }
}
