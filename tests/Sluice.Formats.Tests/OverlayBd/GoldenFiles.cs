using Sluice.Testing;

namespace Sluice.Formats.Tests.OverlayBd;

/// <summary>Files that overlaybd's own tools wrote, and the independent decoder beside them.</summary>
internal static class GoldenFiles
{
    private static readonly Lazy<string?> Python = new(() => ((string[])["python3", "/usr/bin/python3"]).FirstOrDefault(HasModules));

    public static string Path(string name) => Golden.Path("overlaybd/" + name);

    public static byte[] Read(string name) => File.ReadAllBytes(Path(name));

    /// <summary>Every ZFile, with the content that its name stands for.</summary>
    public static IEnumerable<(string Name, byte[] Content)> ZFiles()
    {
        foreach (string path in Directory.GetFiles(Path("zfile"), "*.zfile", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string name = System.IO.Path.GetFileName(path).Split('.')[0];
            string input = name switch { "cli_mixed" => "mixed_300k", _ => name };
            yield return (System.IO.Path.GetRelativePath(Path(""), path), Read($"in/{input}.bin"));
        }
    }

    /// <summary>Runs the independent decoder; skips the test where Python or its modules are missing.</summary>
    public static string Verify(string directory, params string[] arguments)
    {
        string script = Path("verify.py");
        if (Python.Value is null) Assert.Skip("Python 3 with the modules lz4 and zstandard is not on this machine");
        return Tar.Tool.Run(directory, Python.Value, [script, .. arguments]);
    }

    private static bool HasModules(string python) => Tar.Tool.TryRun("/", python, "-c", "import lz4.block, zstandard").ExitCode == 0;
}
