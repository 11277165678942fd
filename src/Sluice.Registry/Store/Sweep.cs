namespace Sluice.Registry.Store;

/// <summary>Removes what crashes, abandoned uploads and deletions left. Runs before anything is served, so nothing is in flight.</summary>
internal static class Sweep
{
    /// <summary>Younger leftovers stay: a client may resume its upload after a restart.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromDays(1);

    public static void Run(RegistryStore store, TimeProvider time)
    {
        DateTime limit = time.GetUtcNow().UtcDateTime - Grace;
        HashSet<string> linked = new(StringComparer.Ordinal);
        foreach (string repository in store.RepositoryDirectories())
        {
            string uploads = Path.Combine(repository, RegistryLayout.Uploads);
            foreach (string file in Files(uploads)) DeleteIfOld(file, limit);
            foreach (string kind in (string[])[RegistryLayout.Blobs, RegistryLayout.Manifests])
            {
                foreach (string file in Files(Path.Combine(repository, kind))) linked.Add(Path.GetFileName(file));
            }
        }

        foreach (string file in Files(store.Layout.ContentRoot))
        {
            if (!linked.Contains(Path.GetFileName(file))) DeleteIfOld(file, limit);
        }
    }

    private static IEnumerable<string> Files(string directory) =>
        Directory.Exists(directory) ? Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories) : [];

    private static void DeleteIfOld(string file, DateTime limit)
    {
        if (File.GetLastWriteTimeUtc(file) < limit) File.Delete(file);
    }
}
