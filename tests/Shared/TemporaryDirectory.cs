namespace Sluice.Testing;

/// <summary>A directory that is removed with everything in it when the test ends.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory() => Path = Directory.CreateTempSubdirectory("sluice-test-").FullName;

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (!Directory.Exists(Path)) return;
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // .NET can't name files whose names are not UTF-8.
            using var rm = System.Diagnostics.Process.Start("/bin/rm", ["-rf", "--", Path]);
            rm.WaitForExit();
        }
    }
}
