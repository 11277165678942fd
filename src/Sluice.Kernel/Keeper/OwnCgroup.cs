using Sluice.Kernel.Mounts;

namespace Sluice.Kernel.Keeper;

/// <summary>
/// A cgroup for the keeper alone, below the top of each hierarchy where the cgroup file system lets it: who kills the daemon's whole cgroup, or runs it out of
/// memory, then spares the keeper. Where a service manager runs the keeper as a unit this is its business.
/// </summary>
internal static class OwnCgroup
{
    private static string Name => $"sluice-keeper-{Environment.ProcessId}";

    /// <summary>Best effort: a hierarchy that refuses is left as it is.</summary>
    public static void TryEnter()
    {
        foreach (string top in Tops())
        {
            string own = Path.Combine(top, Name);
            Try(() =>
            {
                Directory.CreateDirectory(own);
                Enter(own);
            });
            Try(() => Directory.Delete(own)); // refused while this process is in it
        }

        Try(() => File.WriteAllText("/proc/self/oom_score_adj", "-900"));
    }

    /// <summary>Removes what <see cref="TryEnter"/> made.</summary>
    public static void Leave()
    {
        foreach (string top in Tops())
        {
            string own = Path.Combine(top, Name);
            if (!Directory.Exists(own)) continue;
            Try(() => Enter(top));
            Try(() => Directory.Delete(own));
        }
    }

    private static void Enter(string group) => File.WriteAllText(Path.Combine(group, "cgroup.procs"), "0");

    private static IEnumerable<string> Tops() => MountTable.Read().Where(entry => entry.Type is "cgroup" or "cgroup2").Select(entry => entry.MountPoint).Distinct();

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // Best effort.
        }
    }
}
