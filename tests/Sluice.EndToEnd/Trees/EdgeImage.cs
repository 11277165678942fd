using Sluice.EndToEnd.Harness;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Trees;

/// <summary>The image with every awkward thing that a layer can hold, made by the bench rig's <c>make-edge-image.py</c>.</summary>
internal static class EdgeImage
{
    private const string Script = "make-edge-image.py";

    /// <summary>Makes the image as an OCI layout (tag <c>latest</c>). Skips the calling test where the rig is missing.</summary>
    public static async Task<string> MakeAsync(string directory)
    {
        string python = Command.Require("python3");
        string script = FindRig() ?? "";
        if (script.Length == 0) Assert.Skip("the bench rig is not on this machine: set SLUICE_BENCH_RIG");
        Dictionary<string, string?> environment = new() { ["BUSYBOX"] = Command.Require("busybox") };
        (int exitCode, string output) = await Command.RunAsync(python, [script, directory], environment);
        Assert.True(exitCode == 0, output);
        return directory;
    }

    /// <summary>Full path of the script: in <c>$SLUICE_BENCH_RIG</c>, or <c>shared/bench</c> beside the project.</summary>
    private static string? FindRig()
    {
        string? configured = Environment.GetEnvironmentVariable("SLUICE_BENCH_RIG");
        if (!string.IsNullOrEmpty(configured)) return File.Exists(Path.Combine(configured, Script)) ? Path.Combine(configured, Script) : null;
        for (string? directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            string candidate = Path.Combine(directory, "shared", "bench", Script);
            if (File.Exists(candidate)) return candidate;
        }

        return null;
    }
}
