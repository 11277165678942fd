using System.Globalization;
using System.Runtime.InteropServices;
using Sluice.Containerd.Client;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Node.Admin;
using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Node.Status;
using Sluice.Node.Succession;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Node.Doctor.Facts;

/// <summary>Gathers what there is to know about a node. Everything that is asked has a limit, and all of it together about ten seconds.</summary>
internal static class NodeSurvey
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>Registries that are asked at most: those of the command line and of images first.</summary>
    private const int MaxRegistries = 16;

    private static readonly string[] Libraries = ["libzstd.so.1", "liblz4.so.1", "libz.so.1"];

    public static async Task<NodeFacts> LookAsync(DoctorOptions options, CancellationToken cancellation)
    {
        var files = new NodeFiles();
        NodeOptions node = options.Node;
        IReadOnlyList<NodeProcess> processes = NodeProcess.List(files);
        NodeFacts facts = new()
        {
            Files = files,
            Now = DateTimeOffset.UtcNow,
            IsRoot = Environment.IsPrivilegedProcess,
            Options = node,
            ConfigurationPath = options.ConfigurationPath,
            ConfigurationError = options.ConfigurationError,
            OwnVersion = NodeObserver.Version,
            KeeperRuns = KeeperRuns(node.State),
            Processes = processes,
            Mounts = MountTable.Read(),
            Servers = new Dictionary<int, ServerHealth>(),
            KernelVersion = KernelFeatures.VersionOf(files.Text("/proc/sys/kernel/osrelease") ?? "0.0"),
            ErofsFromFiles = Environment.IsPrivilegedProcess ? KernelFeatures.Probe(ExistingPart(node.Root)).ErofsFromFiles : null,
            RootSpace = FileSystemSpace.Of(ExistingPart(node.Root)),
            MissingLibraries = [.. Libraries.Where(library => !CanLoad(library))],
            Later = RootVersions.Find(node.Root),
            ContainerdSocket = options.Containerd,
            Containerd = new ContainerdAnswer(null),
            ContainerdConfiguration = ContainerdConfiguration.Read(files, options.ContainerdConfiguration ?? ContainerdFile(files, processes, options.Containerd)),
            Registries = [],
            Environment = new Dictionary<string, string>(StringComparer.Ordinal),
        };
        facts = facts with { Environment = NodeEnvironment.Read(files, facts.Daemons) };
        NodeEnvironment.Adopt(facts.Environment);
        Task<ContainerdAnswer> containerd = AskContainerdAsync(options.Containerd, cancellation);
        Task<DaemonFacts?> daemon = AskDaemonAsync(node, cancellation);
        Task<RegistryFacts[]> registries = options.Network ? AskRegistriesAsync(options, cancellation) : Task.FromResult<RegistryFacts[]>([]);
        facts = facts with { Containerd = await containerd, Daemon = await daemon, Registries = await registries };
        return facts with { Servers = AskServers(facts) };
    }

    /// <summary>The path, or the nearest directory above it that is there.</summary>
    private static string ExistingPart(string path)
    {
        while (!Directory.Exists(path) && Path.GetDirectoryName(path) is { } above) path = above;
        return path;
    }

    private static bool CanLoad(string library)
    {
        if (!NativeLibrary.TryLoad(library, out nint handle)) return false;
        NativeLibrary.Free(handle);
        return true;
    }

    private static bool KeeperRuns(string state)
    {
        try
        {
            return Directory.Exists(state) && KeeperProcess.IsRunning(state);
        }
        catch (Exception exception) when (exception is SluiceException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>What the containerd that listens on a socket was started with.</summary>
    private static string ContainerdFile(NodeFiles files, IReadOnlyList<NodeProcess> processes, string socket)
    {
        foreach (NodeProcess process in processes.Where(process => Path.GetFileName(process.Arguments[0]) == "containerd"))
        {
            string path = process.Option("--config", "-c") is { } given ? Path.GetFullPath(given, files.Link($"/proc/{process.Id}/cwd") ?? "/") : ContainerdConfiguration.DefaultPath;
            string address = process.Option("--address", "-a") ?? ContainerdConfiguration.Read(files, path).Find(["grpc"], "address")?.Text ?? ContainerdClient.DefaultSocket;
            if (address == socket) return path;
        }

        return ContainerdConfiguration.DefaultPath;
    }

    private static async Task<ContainerdAnswer> AskContainerdAsync(string socket, CancellationToken cancellation)
    {
        using var client = new ContainerdClient(socket, "default", Limit);
        try
        {
            return new ContainerdAnswer(await client.GetVersionAsync(cancellation));
        }
        catch (SluiceException error)
        {
            return new ContainerdAnswer(null, error is Sluice.Containerd.Grpc.GrpcException grpc ? grpc.Detail : error.Message);
        }
    }

    private static async Task<DaemonFacts?> AskDaemonAsync(NodeOptions node, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Limit);
        try
        {
            return new DaemonFacts((await new AdminClient(node.AdminSocketPath).StatusAsync(limit.Token)).Version);
        }
        catch (SluiceException error)
        {
            return error.Error == SluiceError.Runtime ? null : new DaemonFacts(null); // an older daemon does not know the question
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static async Task<RegistryFacts[]> AskRegistriesAsync(DoctorOptions options, CancellationToken cancellation)
    {
        SourceOptions sources = options.Node.Sources with { ConnectTimeout = Limit, Attempts = 1 };
        Dictionary<string, ImageReference> images = ImagesByRegistry(options.Node);
        IEnumerable<string> described = sources.HostDirectories.Where(Directory.Exists).SelectMany(directory => Directory.EnumerateDirectories(directory)).Select(Path.GetFileName).OfType<string>()
            .Where(name => name != "_default").Select(RegistryName);
        string[] registries = [.. options.Registries.Concat(images.Keys).Concat(described).Distinct(StringComparer.Ordinal).Take(MaxRegistries)];
        return await Task.WhenAll(registries.Select(registry => AskRegistryAsync(registry, images.GetValueOrDefault(registry), sources, cancellation)));
    }

    private static async Task<RegistryFacts> AskRegistryAsync(string registry, ImageReference? image, SourceOptions sources, CancellationToken cancellation)
    {
        try
        {
            IReadOnlyList<HostAnswer> hosts = await new RegistryProbe(sources, Limit).AskAsync(registry, cancellation);
            var facts = new RegistryFacts(registry, hosts);
            return image is null || hosts.All(host => host.Trouble != HostTrouble.None) ? facts : facts with { Image = image.ToString(), ImageError = await AskImageAsync(image, sources, cancellation) };
        }
        catch (SluiceException error)
        {
            return new RegistryFacts(registry, [], error);
        }
    }

    private static async Task<SluiceException?> AskImageAsync(ImageReference image, SourceOptions sources, CancellationToken cancellation)
    {
        try
        {
            await using IImageStore store = ImageStores.Open(image, sources);
            await SourceDeadline.AskAsync(Limit, store, "a manifest", token => store.GetManifestAsync(image.TagOrDigest, token), cancellation);
            return null;
        }
        catch (SluiceException error)
        {
            return error;
        }
    }

    /// <summary>One image that this node knows of each registry, by its digest.</summary>
    private static Dictionary<string, ImageReference> ImagesByRegistry(NodeOptions node)
    {
        Dictionary<string, ImageReference> found = new(StringComparer.Ordinal);
        try
        {
            var local = new LocalImages(node.ImagesDirectory);
            foreach (Digest manifest in local.List())
            {
                if (local.ReferenceOf(manifest) is not { } text || ImageReference.Parse(text) is not { Transport: ImageTransport.Registry } reference) continue;
                found.TryAdd(reference.Host, reference with { Digest = manifest });
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or SluiceException)
        {
            // Not for this user to read, or damaged: the other registries are asked all the same.
        }

        return found;
    }

    /// <summary>containerd writes the colon of the port as underscores.</summary>
    private static string RegistryName(string directory)
    {
        int end = directory.Length - 1, start = directory.LastIndexOf('_', Math.Max(end - 1, 0));
        return directory.EndsWith('_') && start > 0 && directory.AsSpan(start + 1, end - start - 1) is { IsEmpty: false } port && int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out _)
            ? $"{directory[..start]}:{port}"
            : directory;
    }

    /// <summary>Not those that a keeper holds for a daemon that is away: who asks them waits for the next daemon.</summary>
    private static Dictionary<int, ServerHealth> AskServers(NodeFacts node)
    {
        bool waiting = node is { KeeperRuns: true, Daemon: null };
        string state = Path.TrimEndingDirectorySeparator(node.Options.State) + "/";
        return node.Mounts
            .Where(mount => mount is { Type: "fuse", Source: "sluice" } && !(waiting && mount.MountPoint.StartsWith(state, StringComparison.Ordinal)))
            .Select(mount => (mount.Id, Health: FuseServers.Ask(mount.MountPoint, TimeSpan.FromSeconds(2))))
            .Where(server => server.Health != ServerHealth.Alive).ToDictionary(server => server.Id, server => server.Health);
    }
}
