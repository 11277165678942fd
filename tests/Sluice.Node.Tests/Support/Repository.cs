namespace Sluice.Node.Tests.Support;

/// <summary>Files of the repository that tests compare with the code.</summary>
internal static class Repository
{
    private static readonly string Root = Find();

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    private static string Find()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            if (File.Exists(Path.Combine(directory.FullName, "Sluice.slnx"))) return directory.FullName;
        throw new InvalidOperationException("the tests do not run inside the repository");
    }
}
