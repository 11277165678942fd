using System.Net.Sockets;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;
using Sluice.Node.Doctor;
using Sluice.Node.Doctor.Facts;
using Sluice.Storage.Sources.Registries;
using Sluice.Testing;

namespace Sluice.Node.Tests.Doctor;

/// <summary>A healthy node whose files are below a temporary directory. Tests spoil one thing and ask what is found.</summary>
internal sealed class SeededNode : IDisposable
{
    public const string ContainerdFile = "/etc/containerd/config.toml";
    public const string Cri = "[plugins.\"io.containerd.grpc.v1.cri\".containerd]";

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TemporaryDirectory _directory = new();
    private readonly Dictionary<string, Socket> _listeners = [];

    public SeededNode()
    {
        Files = new NodeFiles(_directory.Path);
        Write("/proc/filesystems", "nodev\tsysfs\nnodev\tfuse\n\terofs\nnodev\toverlay\n");
        Write("/proc/sys/kernel/osrelease", "6.12.0-1\n");
        Write("/lib/modules/6.12.0-1/modules.dep", "kernel/fs/erofs/erofs.ko.xz: kernel/lib/libcrc32c.ko.xz\nkernel/drivers/block/loop.ko.xz:\n");
        Write("/proc/sys/fs/mount-max", "100000\n");
        Write("/proc/sys/fs/fuse/default_request_timeout", "0\n");
        Write("/proc/sys/fs/fuse/max_request_timeout", "0\n");
        Write("/proc/sys/fs/fuse/max_pages_limit", "256\n");
        Write("/dev/fuse", "");
        Write("/dev/loop-control", "");
        Write("/usr/sbin/e2fsck", "");
        Write("/etc/systemd/system/sluice.service", "[Service]\nExecStart=/usr/bin/sluice daemon\nKillMode=process\n");
        Write("/lib/systemd/system/sluice-keeper.service", "[Service]\nExecStart=/usr/bin/sluice keeper\n");
        Write(ContainerdFile, $"version = 2\n[proxy_plugins.sluice]\n  type = \"snapshot\"\n  address = \"/run/sluice/containerd.sock\"\n{Cri}\n  snapshotter = \"sluice\"\n  disable_snapshot_annotations = false\n");
        AddProcess(100, "/usr/bin/sluice", "daemon");
        Listen("/run/sluice/admin.sock");
        Listen("/run/sluice/containerd.sock");
        Facts = new NodeFacts
        {
            Files = Files,
            Now = new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero),
            IsRoot = true,
            Options = new NodeOptions(),
            ConfigurationPath = ConfigurationFile.DefaultPath,
            Daemon = new DaemonFacts("1.0.0"),
            OwnVersion = "1.0.0",
            KeeperRuns = true,
            Processes = [],
            Mounts = [Mount(1, "/", "ext4", "/dev/sda1"), Mount(2, "/run", "tmpfs", "tmpfs"), Mount(3, "/run/sluice/disks", "fuse", "sluice")],
            Servers = new Dictionary<int, ServerHealth>(),
            KernelVersion = new Version(6, 12),
            ErofsFromFiles = true,
            RootSpace = new FileSystemSpace(1L << 40, 1L << 39, 1 << 24, 1 << 23),
            MissingLibraries = [],
            ContainerdSocket = "/run/containerd/containerd.sock",
            Containerd = new ContainerdAnswer("1.7.20"),
            ContainerdConfiguration = ContainerdConfiguration.Read(Files, ContainerdFile),
            Registries = [new RegistryFacts("r.example", [new HostAnswer("r.example:443", false, null)], null, "docker://r.example/app@sha256:0")],
            Environment = new Dictionary<string, string> { ["PATH"] = "/usr/bin:/usr/local/bin", ["HOME"] = "/root" },
        };
    }

    public NodeFiles Files { get; }

    public NodeFacts Facts { get; set; }

    public static MountEntry Mount(int id, string point, string type, string source, string options = "rw") => new(id, 0, 40 + id, "/", point, options, type, source, options);

    public DoctorReport Judge() => NodeDoctor.Judge(Facts with { Processes = NodeProcess.List(Files), ContainerdConfiguration = ContainerdConfiguration.Read(Files, ContainerdFile) });

    public void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Files.At(path))!);
        File.WriteAllText(Files.At(path), text);
    }

    /// <summary>Changes a file that is there.</summary>
    public void Replace(string path, string what, string by)
    {
        string text = Files.Text(path)!;
        Assert.Contains(what, text, StringComparison.Ordinal);
        Write(path, text.Replace(what, by, StringComparison.Ordinal));
    }

    public void Remove(string path)
    {
        if (Directory.Exists(Files.At(path))) Directory.Delete(Files.At(path), recursive: true);
        else File.Delete(Files.At(path));
    }

    public void AddProcess(int id, params string[] arguments)
    {
        Write($"/proc/{id}/cmdline", string.Concat(arguments.Select(argument => argument + "\0")));
        Write($"/proc/{id}/limits", "Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 1048576              files\n");
        Link($"/proc/{id}/exe", arguments[0]);
    }

    public void Link(string path, string target)
    {
        Remove(path);
        File.CreateSymbolicLink(Files.At(path), target);
    }

    public void Chmod(string path, UnixFileMode mode) => File.SetUnixFileMode(Files.At(path), mode);

    /// <summary>The file stays and nobody listens, as after a kill.</summary>
    public void StopListening(string path)
    {
        string file = Files.At(path), kept = file + ".kept";
        File.Move(file, kept); // .NET removes the file of a socket that it closes
        _listeners.Remove(path, out Socket? listener);
        listener!.Dispose();
        File.Move(kept, file);
    }

    public void Dispose()
    {
        foreach (Socket listener in _listeners.Values) listener.Dispose();
        _directory.Dispose();
    }

    private void Listen(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Files.At(path))!);
        Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Files.At(path)));
        Chmod(path, Private);
        listener.Listen();
        _listeners[path] = listener;
    }
}
