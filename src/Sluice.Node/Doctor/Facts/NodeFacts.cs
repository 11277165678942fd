using Sluice.Formats;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;
using Sluice.Node.Succession;

namespace Sluice.Node.Doctor.Facts;

/// <summary>A node as it was found. Gathered once, by <see cref="NodeSurvey"/>; what is cheap to read, checks take from <see cref="Files"/>.</summary>
internal sealed record NodeFacts
{
    public required NodeFiles Files { get; init; }

    public required DateTimeOffset Now { get; init; }

    /// <summary>False: what only root may look at is not known.</summary>
    public required bool IsRoot { get; init; }

    public required NodeOptions Options { get; init; }

    public required string ConfigurationPath { get; init; }

    public SluiceException? ConfigurationError { get; init; }

    /// <summary>Null: it does not answer.</summary>
    public DaemonFacts? Daemon { get; init; }

    /// <summary>Of this program.</summary>
    public required string OwnVersion { get; init; }

    /// <summary>A keeper process answers in the state directory.</summary>
    public required bool KeeperRuns { get; init; }

    public required IReadOnlyList<NodeProcess> Processes { get; init; }

    public required IReadOnlyList<MountEntry> Mounts { get; init; }

    /// <summary>FUSE mounts of Sluice whose server is not well, by the id of the mount.</summary>
    public required IReadOnlyDictionary<int, ServerHealth> Servers { get; init; }

    public required Version KernelVersion { get; init; }

    /// <summary>EROFS mounts plain files on the file system of the root; null: could not be tried.</summary>
    public required bool? ErofsFromFiles { get; init; }

    /// <summary>Null: the root does not exist.</summary>
    public FileSystemSpace? RootSpace { get; init; }

    /// <summary>Native libraries that can't be loaded.</summary>
    public required IReadOnlyList<string> MissingLibraries { get; init; }

    /// <summary>What of the root is of a later program; null: nothing.</summary>
    public LaterFile? Later { get; init; }

    public required string ContainerdSocket { get; init; }

    public required ContainerdAnswer Containerd { get; init; }

    public required ContainerdConfiguration ContainerdConfiguration { get; init; }

    public required IReadOnlyList<RegistryFacts> Registries { get; init; }

    /// <summary>Variables of the daemon's environment; of this process if none runs.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>Daemons that use the same root.</summary>
    public IReadOnlyList<NodeProcess> Daemons => [.. Processes.Where(process => process.IsSluice("daemon") && RootOf(process) == Options.Root)];

    /// <summary>What the file system that holds a path is mounted as; null: unknown.</summary>
    public MountEntry? MountOf(string path)
    {
        for (string? directory = path; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (Mounts.LastOrDefault(mount => mount.MountPoint == directory) is { } found) return found;
        }

        return null;
    }

    private string RootOf(NodeProcess process)
    {
        if (process.Option("--root") is { } given) return Path.GetFullPath(given, Files.Link($"/proc/{process.Id}/cwd") ?? "/");
        string file = process.Option("--config") is { } config ? Path.GetFullPath(config, Files.Link($"/proc/{process.Id}/cwd") ?? "/") : ConfigurationFile.DefaultPath;
        try
        {
            return Files.Text(file) is { } text ? ConfigurationFile.Parse(text, file).Root : new NodeOptions().Root;
        }
        catch (SluiceException)
        {
            return new NodeOptions().Root;
        }
    }
}
