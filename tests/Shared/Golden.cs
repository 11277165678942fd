namespace Sluice.Testing;

/// <summary>Where the golden files are: <c>$SLUICE_GOLDEN</c>, or <c>../shared/golden</c> beside the project.</summary>
internal static class Golden
{
    private static readonly string? Root = FindRoot();

    /// <summary>Full path of a golden file; skips the calling test when the golden files are not on this machine.</summary>
    public static string Path(string relative)
    {
        if (Root is null) Assert.Skip("golden files not found: set SLUICE_GOLDEN");
        return System.IO.Path.Combine(Root, relative);
    }

    private static string? FindRoot()
    {
        string? configured = Environment.GetEnvironmentVariable("SLUICE_GOLDEN");
        if (!string.IsNullOrEmpty(configured)) return Directory.Exists(configured) ? configured : null;
        for (string? directory = AppContext.BaseDirectory; directory is not null; directory = System.IO.Path.GetDirectoryName(directory))
        {
            string candidate = System.IO.Path.Combine(directory, "shared", "golden");
            if (Directory.Exists(candidate)) return candidate;
        }

        return null;
    }
}
