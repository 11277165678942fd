using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Harness;

/// <summary>A real browser without a screen.</summary>
internal static class Chromium
{
    /// <summary>Opens a page from a file, which may load nothing else, waits until its scripts have run, and takes a picture of it.</summary>
    /// <returns>The document as it is then, behind what scripts wrote to the console, errors among that: lines with <c>CONSOLE</c>.</returns>
    public static async Task<string> OpenAsync(string page, string picture, Workspace workspace)
    {
        (int exitCode, string output) = await Command.RunAsync(
            "timeout",
            [
                "--kill-after=5", "60", Command.Require("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND", $"--user-data-dir={workspace.File("chromium")}",
                "--enable-logging=stderr", "--window-size=1400,1600", "--hide-scrollbars", $"--screenshot={picture}", "--dump-dom", $"file://{page}",
            ]);
        Assert.True(exitCode == 0, $"chromium ended with {exitCode}\n{output}");
        return output;
    }
}
