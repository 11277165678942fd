using System.Net;
using Sluice.Containerd.Client;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Kernel.Keeper;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Fetching;
using Sluice.Storage.Sources;

namespace Sluice.Node.Configuration;

/// <summary>Everything that can be set for a node; the defaults need no configuration file. See docs/configuration.md.</summary>
public sealed record NodeOptions
{
    /// <summary>Persistent state: <c>cache/</c>, <c>images/</c>, <c>snapshots/</c>, <c>metadata.db</c>.</summary>
    public string Root { get; init; } = "/var/lib/sluice";

    /// <summary>Volatile state: <c>disks/</c> and <c>writable/</c> (the FUSE mounts), <c>pending/</c> (what writable disks have not flushed), <c>halts/</c> (what stands still for a commit) and <c>images/</c> (image mounts). On a tmpfs.</summary>
    public string State { get; init; } = "/run/sluice";

    /// <summary>The snapshotter's socket; <c>containerd.sock</c> in <see cref="State"/> when empty.</summary>
    public string Address { get; init; } = "";

    /// <summary>Socket of the admin API; <c>admin.sock</c> in <see cref="State"/> when empty.</summary>
    public string AdminAddress { get; init; } = "";

    public MountMode MountMode { get; init; } = MountMode.Auto;

    /// <summary>Read-ahead in KiB of mounts whose data is local.</summary>
    public int ReadAheadKilobytes { get; init; } = 1024;

    /// <summary>
    /// Read-ahead in KiB of mounts whose data comes over the network while it is read. A page fault reads this much around itself, so that more
    /// than the kernel's own 128 KiB fetches what nobody needs; see docs/performance.md.
    /// </summary>
    public int LazyReadAheadKilobytes { get; init; } = 128;

    /// <summary>How containers on block images write whose snapshots have no label that says so.</summary>
    public WriteMode WriteMode { get; init; } = WriteMode.Overlay;

    /// <summary>How new disks of containers keep their data.</summary>
    public UpperKind UpperKind { get; init; } = UpperKind.Append;

    public FetchOptions Fetch { get; init; } = new();

    /// <summary>How much of the disk the cache may use. 5 % stay free: what else is on it (snapshots, the metadata database, logs) must go on when images fill the cache.</summary>
    public CacheOptions Cache { get; init; } = new() { MinFree = DiskShare.OfFileSystem(5) };

    public SourceOptions Sources { get; init; } = new();

    /// <summary>Credential providers of the kubelet that are left out, as they need a service account's token.</summary>
    public IReadOnlyList<string> SkippedProviders { get; init; } = [];

    /// <summary>How the files of registries were when the options were read; see <see cref="Configuration.HostFiles"/>.</summary>
    public string HostFiles { get; init; } = "";

    /// <summary>Who holds the kernel's connections while the daemon is away, so that what is mounted stays.</summary>
    public KeeperKind Keeper { get; init; } = KeeperKind.Process;

    /// <summary>What the file says for <see cref="Keeper"/> if that is a word of an earlier version; null: it is not.</summary>
    public string? FormerKeeper { get; init; }

    /// <summary>True: mounts are made in the mount namespace of the keeper, as this process has one of its own.</summary>
    public bool MountsBesideKeeper { get; init; }

    /// <summary>containerd's socket, to which CRI's image service is passed on so that the logins of pulls are known; empty: the service is not there.</summary>
    public string ImageServiceOf { get; init; } = "";

    /// <summary>How long the login of a pull is remembered after its last use.</summary>
    public TimeSpan PullLoginLife { get; init; } = TimeSpan.FromDays(7);

    /// <summary>What starts of images need.</summary>
    public PrefetchOptions Prefetch { get; init; } = new();

    /// <summary>The rest of images that are in use.</summary>
    public BackgroundOptions Background { get; init; } = new();

    /// <summary>True: log debug lines too.</summary>
    public bool Verbose { get; init; }

    /// <summary>True: each line of the log is a JSON object.</summary>
    public bool JsonLog { get; init; }

    /// <summary>Where <c>/metrics</c> is served to Prometheus; null: nowhere.</summary>
    public IPEndPoint? MetricsAddress { get; init; }

    /// <summary><see cref="MetricsAddress"/> need not be loopback.</summary>
    public bool MetricsAllowRemote { get; init; }

    /// <summary>URL of an OTLP/HTTP collector, without <c>/v1/metrics</c>; null: metrics are not sent.</summary>
    public string? OtlpEndpoint { get; init; }

    public TimeSpan OtlpInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A read that waits longer than this many seconds counts as hung, in the status and in metrics.</summary>
    public int HungSeconds { get; init; } = 10;

    /// <summary>containerd's socket, to ask with which command a container was started; empty: that of <see cref="ImageServiceOf"/>, or where packages put it.</summary>
    public string ContainerdAddress { get; init; } = "";

    public string ContainerdSocket => ContainerdAddress.Length > 0 ? ContainerdAddress : ImageServiceOf.Length > 0 ? ImageServiceOf : ContainerdClient.DefaultSocket;

    public string SocketPath => Address.Length > 0 ? Address : Path.Combine(State, "containerd.sock");

    public string AdminSocketPath => AdminAddress.Length > 0 ? AdminAddress : Path.Combine(State, "admin.sock");

    public string DisksDirectory => Path.Combine(State, "disks");

    public string WritableDisksDirectory => Path.Combine(State, "writable");

    public string PendingDirectory => Path.Combine(State, "pending");

    /// <summary>What is mounted, for a successor: <see cref="Succession.MountDescription"/>.</summary>
    public string DescriptionDirectory => Path.Combine(State, "mounted");

    /// <summary>See <see cref="Kernel.Mounts.MountProcessOptions.Guard"/>.</summary>
    public string MountGuard => Path.Combine(State, "mounting.lock");

    /// <summary>Deadlines of some images, the first that matches; the others have that of <see cref="Fetch"/>.</summary>
    public IReadOnlyList<ImageDeadline> Deadlines { get; init; } = [];

    /// <summary>How images come here, the first that matches; the others as <see cref="PullPolicy.Lazy"/>.</summary>
    public IReadOnlyList<ImagePolicy> Policies { get; init; } = [];

    /// <summary>The longest that a request for any image may take.</summary>
    public TimeSpan LongestDeadline => Deadlines.Select(image => image.Deadline).Append(Fetch.RequestDeadline).Max();

    /// <summary>What pulls were made with, for the next daemon.</summary>
    public string PullLoginsPath => Path.Combine(State, "pull-logins");

    public string HaltsDirectory => Path.Combine(State, "halts");

    public string MountsDirectory => Path.Combine(State, "images");

    public string ImagesDirectory => Path.Combine(Root, "images");

    public string TracesDirectory => Path.Combine(Root, "traces");

    /// <summary>Layers of ordinary images on their way; beside the snapshots, which they become.</summary>
    public string LayersDirectory => Path.Combine(Root, "layers");

    public string CacheDirectory => Path.Combine(Root, "cache");
}
