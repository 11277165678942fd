using Sluice.Kernel.Memory;

namespace Sluice.Node.Starts;

/// <summary>
/// The programs that containerd starts a container with. Where none was started lately they are not in memory, and an OCI runtime reads all of itself (runc copies itself before it trusts a container):
/// they are read ahead while the image's metadata is on its way.
/// </summary>
internal static class RuntimeFiles
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private static readonly string[] Names = ["runc", "containerd-shim-runc-v2", "crun"];

    /// <summary>Returns at once.</summary>
    public static void BeginReadAhead() => _ = Task.Run(static () =>
    {
        foreach (string file in Find(Environment.GetEnvironmentVariable("PATH") ?? DefaultPath)) FileReadAhead.Request(file);
    });

    /// <summary>Of each program the first that there is on the path.</summary>
    internal static IEnumerable<string> Find(string path)
    {
        string[] directories = path.Split(':', StringSplitOptions.RemoveEmptyEntries);
        return Names.Select(name => directories.Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists)).OfType<string>();
    }
}
