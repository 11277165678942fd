using Sluice.Kernel.Memory;

namespace Sluice.Node.Starts;

/// <summary>
/// The programs that containerd starts a container with. Where none was started lately they are not in memory, and an OCI runtime reads all of itself (runc copies itself before it trusts a container):
/// they are read ahead while the image's metadata is on its way. Those on this process's path, by their usual names; a runtime that is elsewhere is read when it is needed.
/// </summary>
internal static class RuntimeFiles
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private static readonly string[] Names = ["runc", "containerd-shim-runc-v2", "crun"];

    private static int _running;

    /// <summary>Returns at once. One at a time: what is read already costs nothing, but the disk may be slow.</summary>
    public static void BeginReadAhead()
    {
        if (Interlocked.Exchange(ref _running, 1) != 0) return;
        try
        {
            new Thread(ReadAhead) { IsBackground = true, Name = "sluice-runtime" }.UnsafeStart();
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            Volatile.Write(ref _running, 0); // starts go on without
        }
    }

    /// <summary>Of each program the first that there is on the path.</summary>
    internal static IEnumerable<string> Find(string path)
    {
        string[] directories = path.Split(':', StringSplitOptions.RemoveEmptyEntries);
        return Names.Select(name => directories.Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists)).OfType<string>();
    }

    private static void ReadAhead()
    {
        foreach (string file in Find(Environment.GetEnvironmentVariable("PATH") ?? DefaultPath)) FileReadAhead.Request(file);
        Volatile.Write(ref _running, 0);
    }
}
