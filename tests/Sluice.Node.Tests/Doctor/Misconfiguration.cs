using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;
using Sluice.Node.Doctor.Facts;
using Sluice.Storage.Cache;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Node.Tests.Doctor;

/// <summary>Something that people get wrong.</summary>
/// <param name="Name">Of the seed.</param>
/// <param name="Spoil">Makes a healthy node wrong.</param>
/// <param name="Id">What is to be found, and nothing else.</param>
/// <param name="Mend">Part of the mending line.</param>
internal sealed record Misconfiguration(string Name, Action<SeededNode> Spoil, string Id, string Mend)
{
    private const string Config = SeededNode.ContainerdFile;
    private const string LoginFile = "/root/.docker/config.json";

    public static IReadOnlyList<Misconfiguration> All { get; } =
    [
        // containerd
        new("annotations off", n => n.Replace(Config, "annotations = false", "annotations = true"), "cri-annotations", "sed -i '7s|disable_snapshot_annotations.*|disable_snapshot_annotations = false|' /etc/containerd/config.toml && systemctl restart containerd"),
        new("annotations at their default", n => n.Replace(Config, "  disable_snapshot_annotations = false\n", ""), "cri-annotations", "sed -i '5a disable_snapshot_annotations = false' /etc/containerd/config.toml"),
        new("annotations off, version 3", n => WriteVersion3(n, "disable_snapshot_annotations = true"), "cri-annotations", "sed -i '7s|"),
        new("annotations off in an import", n => Import(n, $"{SeededNode.Cri}\ndisable_snapshot_annotations = true\n"), "cri-annotations", "sed -i '2s|disable_snapshot_annotations.*|disable_snapshot_annotations = false|' /etc/containerd/conf.d/site.toml"),
        new("layers discarded", n => n.Replace(Config, "annotations = false", "annotations = false\n  discard_unpacked_layers = true"), "cri-discard-layers", "discard_unpacked_layers = false"),
        new("layers discarded, version 3", n => WriteVersion3(n, "disable_snapshot_annotations = false\ndiscard_unpacked_layers = true"), "cri-discard-layers", "sed -i '8s|discard"),
        new("CRI with another snapshotter", n => n.Replace(Config, "snapshotter = \"sluice\"", "snapshotter = \"overlayfs\""), "cri-snapshotter", "snapshotter = \"sluice\""),
        new("CRI without snapshotter", n => n.Replace(Config, "  snapshotter = \"sluice\"\n  disable_snapshot_annotations = false\n", ""), "cri-snapshotter", "sed -i '5a snapshotter = \"sluice\"'"),
        new("no proxy plugin", n => n.Write(Config, $"version = 2\n{SeededNode.Cri}\nsnapshotter = \"sluice\"\ndisable_snapshot_annotations = false\n"), "proxy-plugin-missing", "address = \"/run/sluice/containerd.sock\"\\n' >> /etc/containerd/config.toml"),
        new("proxy plugin with another address", n => n.Replace(Config, "/run/sluice/containerd.sock", "/run/sluice.sock"), "proxy-plugin-address", "sed -i '4s|address.*|address = \"/run/sluice/containerd.sock\"|'"),
        new("proxy plugin of another type", n => n.Replace(Config, "\"snapshot\"", "\"content\""), "proxy-plugin-type", "type = \"snapshot\""),
        new("broken configuration of containerd", n => n.Replace(Config, "[proxy_plugins.sluice]", "[proxy_plugins.sluice"), "containerd-config-broken", "${EDITOR:-vi} +2 /etc/containerd/config.toml"),
        new("containerd stopped", n => n.Facts = n.Facts with { Containerd = new ContainerdAnswer(null, "connection refused") }, "containerd-not-answering", "systemctl restart containerd"),
        new("old containerd", n => n.Facts = n.Facts with { Containerd = new ContainerdAnswer("1.4.13~ds1") }, "containerd-too-old", "--only-upgrade containerd"),

        // kernel
        new("no FUSE", n => n.Replace("/proc/filesystems", "nodev\tfuse\n", ""), "fuse-missing", "CONFIG_FUSE_FS"),
        new("EROFS not loaded", n => n.Replace("/proc/filesystems", "\terofs\n", ""), "erofs-missing", "modprobe erofs && echo erofs > /etc/modules-load.d/erofs.conf"),
        new("no overlayfs", n => n.Replace("/proc/filesystems", "nodev\toverlay\n", ""), "overlay-missing", "modprobe overlay on the host"),
        new("loop not loaded", n => n.Remove("/dev/loop-control"), "loop-missing", "modprobe loop"),
        new("EROFS from files wanted, not there", n => n.Facts = n.Facts with { ErofsFromFiles = false, Options = new NodeOptions { MountMode = MountMode.File } }, "erofs-from-files", "mode: auto"),
        new("EROFS from files not there", n => n.Facts = n.Facts with { ErofsFromFiles = false }, "erofs-from-files", "CONFIG_EROFS_FS_BACKED_BY_FILE"),
        new("old kernel", n => n.Facts = n.Facts with { KernelVersion = new Version(6, 1) }, "kernel-old", "Linux 6.9"),
        new("/dev/fuse missing", n => n.Remove("/dev/fuse"), "dev-fuse-missing", "mknod -m 666 /dev/fuse c 10 229"),
        new("/dev/fuse mode", n => n.Chmod("/dev/fuse", UnixFileMode.GroupRead), "dev-fuse-mode", "chmod 666 /dev/fuse"),
        new("/dev/fuse a directory", n => { n.Remove("/dev/fuse"); Directory.CreateDirectory(n.Files.At("/dev/fuse")); }, "dev-fuse-unusable", "rmdir /dev/fuse"),
        new("FUSE requests time out", n => n.Write("/proc/sys/fs/fuse/default_request_timeout", "30\n"), "fuse-request-timeout", "sysctl -w fs.fuse.default_request_timeout=0"),
        new("small FUSE requests", n => n.Write("/proc/sys/fs/fuse/max_pages_limit", "32\n"), "fuse-max-pages", "sysctl -w fs.fuse.max_pages_limit=256"),
        new("few mounts", n => n.Write("/proc/sys/fs/mount-max", "3\n"), "mount-limit", "sysctl -w fs.mount-max=100000"),

        // daemon
        new("no daemon", n => { n.Facts = n.Facts with { Daemon = null }; n.Remove("/run/sluice/admin.sock"); }, "daemon-not-running", "systemctl start sluice"),
        new("stale socket", n => { n.Facts = n.Facts with { Daemon = null }; n.StopListening("/run/sluice/admin.sock"); }, "socket-stale", "systemctl start sluice"),
        new("stale snapshotter socket", n => n.StopListening("/run/sluice/containerd.sock"), "socket-stale", "systemctl restart sluice"),
        new("socket for everybody", n => n.Chmod("/run/sluice/admin.sock", (UnixFileMode)0b110_110_110), "socket-mode", "chmod 600 /run/sluice/admin.sock"),
        new("two daemons", n => n.AddProcess(101, "dotnet", "/opt/sluice/sluice.dll", "daemon", "--root=/var/lib/sluice", "--state", "/run/sluice2"), "two-daemons", "kill 101"),
        new("another version", n => n.Facts = n.Facts with { Daemon = new DaemonFacts("0.9.0") }, "version-skew", "systemctl restart sluice"),
        new("program replaced", n => n.Link("/proc/100/exe", "/usr/bin/sluice (deleted)"), "version-skew", "systemctl restart sluice"),
        new("state of a later version", n => n.Facts = n.Facts with { Later = new("/var/lib/sluice/metadata.db", "schema", 3, 2) }, "state-newer", "# install the version"),
        new("few open files", n => n.Replace("/proc/100/limits", "1048576", "1024"), "open-files", "LimitNOFILE=1048576"),
        new("no keeper", n => n.Facts = n.Facts with { KeeperRuns = false }, "keeper-missing", "systemctl enable --now sluice-keeper"),
        new("a configuration without a keeper", n => n.Facts = n.Facts with { Options = n.Facts.Options with { Keeper = KeeperKind.None } }, "keeper-none", "sed -i 's/^keeper:.*/keeper: process/' /etc/sluice/config.yaml && systemctl restart sluice"),
        new("KillMode by default", n => n.Replace("/etc/systemd/system/sluice.service", "KillMode=process\n", ""), "unit-kill-mode", "printf '[Service]\\nKillMode=process\\n' > /etc/systemd/system/sluice.service.d/zz-killmode.conf && systemctl daemon-reload"),
        new("KillMode in a drop-in", n => n.Write("/run/systemd/system/sluice.service.d/a.conf", "[Service]\nKillMode = control-group\n"), "unit-kill-mode", "killmode.conf"),
        new("a mount namespace", n => n.Replace("/etc/systemd/system/sluice.service", "[Service]\n", "[Service]\nProtectSystem=strict\nProtectHome=no\n"), "unit-namespace", "daemon --mount-namespace keeper\\n' > "),
        new("no devices", n => n.Replace("/etc/systemd/system/sluice.service", "ExecStart=/usr/bin/sluice daemon\n", "ExecStart=/usr/bin/sluice daemon --mount-namespace keeper\nPrivateDevices=yes\n"), "unit-disarmed", "PrivateDevices=no"),
        new("a mount namespace of the keeper", n => n.Replace("/lib/systemd/system/sluice-keeper.service", "[Service]\n", "[Service]\nProtectSystem=full\n"), "keeper-unit-namespace", "printf '[Service]\\nProtectSystem=no\\n'"),
        new("KillMode of the keeper", n => n.Replace("/lib/systemd/system/sluice-keeper.service", "[Service]\n", "[Service]\nKillMode=none\n"), "keeper-unit-kill-mode", "KillMode=process"),
        new("a keeper's name of earlier versions", n => n.Facts = n.Facts with { Options = n.Facts.Options with { FormerKeeper = "auto" } }, "keeper-former", "sed -i 's/^keeper:.*/keeper: process/' /etc/sluice/config.yaml"),
        new("keeper bound to the daemon", n => n.Write("/lib/systemd/system/sluice-keeper.service", "[Unit]\nPartOf=sluice.service\n"), "keeper-unit-bound", "/^PartOf=/d"),
        new("configuration file", n => n.Facts = n.Facts with { ConfigurationError = ErrorOf("root: /var/lib/sluice\ncache_size: 3\n") }, "config-invalid", "${EDITOR:-vi} +2 /etc/sluice/config.yaml"),

        // disks
        new("root on overlayfs", n => Mount(n, "/var/lib/sluice", "overlay", "overlay"), "root-file-system", "mount --bind /sluice-root /var/lib/sluice"),
        new("root on a tmpfs", n => Mount(n, "/var/lib", "tmpfs", "tmpfs"), "root-file-system", "mount --bind"),
        new("root on NFS", n => Mount(n, "/var", "nfs4", "nas:/x"), "root-file-system", "mount --bind"),
        new("root read-only", n => Mount(n, "/var", "ext4", "/dev/sdb", "ro"), "root-read-only", "mount -o remount,rw /var"),
        new("disk full", n => n.Facts = n.Facts with { RootSpace = new FileSystemSpace(1L << 36, 1 << 20, 1 << 20, 1 << 19) }, "root-space", "prune"),
        new("no inodes", n => n.Facts = n.Facts with { RootSpace = new FileSystemSpace(1L << 36, 1L << 35, 1 << 20, 100) }, "root-inodes", "prune"),
        new("quota above the disk", n => n.Facts = n.Facts with { Options = n.Facts.Options with { Cache = new CacheOptions { Quota = DiskShare.OfBytes(2L << 40) } } }, "cache-quota", "1 80%/' /etc/sluice/config.yaml"),
        new("state on a disk", n => n.Facts = n.Facts with { Mounts = [.. n.Facts.Mounts.Where(mount => mount.MountPoint != "/run")] }, "state-not-volatile", "mount -t tmpfs -o mode=700"),
        new("dead FUSE mount", n => Server(n, "/mnt/app", ServerHealth.Dead), "mount-dead", "umount -l /mnt/app"),
        new("silent FUSE mount", n => Server(n, "/mnt/app", ServerHealth.Silent), "mount-silent", "echo 1 > /sys/fs/fuse/connections/49/abort"),
        new("loop device on nothing", n => n.Write("/sys/block/loop7/loop/backing_file", "/run/sluice/disks/abc (deleted)\n"), "loop-left-over", "losetup -d /dev/loop7"),
        new("no e2fsck", n => { n.Remove("/usr/sbin/e2fsck"); n.Facts = n.Facts with { Options = new NodeOptions { WriteMode = WriteMode.Directory } }; }, "e2fsck-missing", "apt-get install -y e2fsprogs"),
        new("no libzstd", n => n.Facts = n.Facts with { MissingLibraries = ["libzstd.so.1"] }, "library-missing", "apt-get install -y libzstd1"),
        new("no liblz4", n => n.Facts = n.Facts with { MissingLibraries = ["liblz4.so.1"] }, "library-missing", "apt-get install -y liblz4-1"),

        // sources
        new("clock ahead", n => Host(n, new HostAnswer("r.example:443", false, null, Date: n.Facts.Now - TimeSpan.FromMinutes(7))), "clock-skew", "timedatectl set-ntp true"),
        new("no address", n => Host(n, new HostAnswer("r.example:443", false, null, HostTrouble.Name)), "dns-failed", "resolv.conf"),
        new("nobody answers", n => Host(n, new HostAnswer("r.example:443", false, null, HostTrouble.Unreachable, "connection refused")), "registry-unreachable", "curl -sSv"),
        new("proxy away", n => Host(n, new HostAnswer("r.example:443", false, "proxy:3128", HostTrouble.Proxy, "connection refused")), "proxy-unreachable", "UnsetEnvironment=HTTP_PROXY"),
        new("NO_PROXY lacks the registry", n => Host(n, new HostAnswer("10.0.0.7:5000", false, "proxy:3128")), "proxy-catches-registry", "Environment=NO_PROXY=10.0.0.7"),
        new("proxy refuses a local registry", n => Host(n, new HostAnswer("registry.internal:443", false, "proxy:3128", HostTrouble.Proxy, "403")), "proxy-catches-registry", "NO_PROXY=registry.internal"),
        new("http where https is expected", n => Host(n, new HostAnswer("r.example:5000", false, null, HostTrouble.NoTls)), "registry-no-tls", "server = \"http://r.example\""),
        new("certificate ended", n => Host(n, new HostAnswer("r.example:443", false, null, HostTrouble.CertificateTime, "its certificate ended", CertificateEnds: n.Facts.Now.AddDays(-1))), "certificate-time", "renewed"),
        new("certificate begins later", n => Host(n, new HostAnswer("r.example:443", false, null, HostTrouble.CertificateTime, "its certificate begins", CertificateEnds: n.Facts.Now.AddDays(90))), "certificate-time", "set-ntp"),
        new("unknown authority", n => Host(n, new HostAnswer("r.example:443", false, null, HostTrouble.CertificateAuthority, "its certificate is signed by CN=site")), "certificate-authority", "cp CA.crt /etc/containerd/certs.d/r.example/ca.crt"),
        new("certificate of another host", n => Host(n, new HostAnswer("r.example:443", false, null, HostTrouble.CertificateName, "its certificate is for q.example")), "certificate-name", "# name the images"),
        new("broken hosts.toml", n => n.Facts = n.Facts with { Registries = [new RegistryFacts("r.example", [], new SluiceException(SluiceError.Configuration, "/etc/containerd/certs.d/r.example/hosts.toml:4", "expected '='"))] }, "hosts-file-broken", "${EDITOR:-vi} +4 /etc/containerd/certs.d/r.example/hosts.toml"),
        new("login refused", n => Answer(n, SluiceError.Unauthorized), "login-refused", "skopeo login r.example"),
        new("registry fails", n => Answer(n, SluiceError.Source), "registry-fails", "https://r.example/v2/"),
        new("logins are no JSON", n => n.Write(LoginFile, "{ \"auths\": "), "login-file-broken", "skopeo login --authfile /root/.docker/config.json"),
        new("logins are a directory", n => n.Write(LoginFile + "/x", ""), "login-file-broken", "rmdir"),
        new("a plugin that needs a pod", n => n.Facts = n.Facts with { Options = new NodeOptions { SkippedProviders = ["ecr-credential-provider"] } }, "provider-needs-pod", "credentials.cri"),
        new("no login file", n => n.Facts = n.Facts with { Options = new NodeOptions { Sources = new() { AuthFile = "/etc/sluice/auth.json" } } }, "login-file-missing", "--authfile /etc/sluice/auth.json"),
        new("login helper missing", n => n.Write(LoginFile, """{ "credHelpers": { "r.example": "vault" } }"""), "login-helper-missing", "docker-credential-vault"),
    ];

    public override string ToString() => Name;

    private static void WriteVersion3(SeededNode node, string settings) =>
        node.Write(Config, $"version = 3\n[proxy_plugins.sluice]\ntype = 'snapshot'\naddress = '/run/sluice/containerd.sock'\n[plugins.'io.containerd.cri.v1.images']\nsnapshotter = 'sluice'\n{settings}\n[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]\nplatform = 'linux'\n");

    private static void Import(SeededNode node, string text)
    {
        node.Replace(Config, "version = 2\n", "version = 2\nimports = [\"conf.d/*.toml\"]\n");
        node.Write("/etc/containerd/conf.d/site.toml", text);
    }

    private static void Mount(SeededNode node, string point, string type, string source, string options = "rw") => node.Facts = node.Facts with { Mounts = [.. node.Facts.Mounts, SeededNode.Mount(9, point, type, source, options)] };

    private static void Server(SeededNode node, string point, ServerHealth health)
    {
        Mount(node, point, "fuse", "sluice");
        node.Facts = node.Facts with { Servers = new Dictionary<int, ServerHealth> { [9] = health } };
    }

    private static void Host(SeededNode node, HostAnswer host) => node.Facts = node.Facts with { Registries = [new RegistryFacts("r.example", [host])] };

    private static void Answer(SeededNode node, SluiceError error) =>
        node.Facts = node.Facts with { Registries = [node.Facts.Registries[0] with { ImageError = new SluiceException(error, "registry r.example:443", "login required or refused") }] };

    private static SluiceException ErrorOf(string text) => Assert.Throws<SluiceException>(() => ConfigurationFile.Parse(text, ConfigurationFile.DefaultPath));
}
