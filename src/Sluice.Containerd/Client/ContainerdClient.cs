using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Protos.Namespaces;
using Sluice.Containerd.Protos.Version;

namespace Sluice.Containerd.Client;

/// <summary>
/// containerd as one namespace sees it. Connects when first used; all members may be called concurrently. Failures are
/// <see cref="GrpcException"/>s (and so <see cref="Formats.SluiceException"/>s) that name the socket.
/// </summary>
public sealed class ContainerdClient : IDisposable
{
    /// <summary>Where Debian's and most other packages put the socket.</summary>
    public const string DefaultSocket = "/run/containerd/containerd.sock";

    private readonly GrpcChannel _channel;
    private readonly GrpcCallOptions _options;
    private readonly bool _ownsChannel;

    /// <param name="containerNamespace"><c>default</c> for ctr, <c>k8s.io</c> for Kubernetes.</param>
    /// <param name="timeout">Deadline of every call, default 60 s.</param>
    public ContainerdClient(string socketPath, string containerNamespace, TimeSpan? timeout = null)
        : this(new GrpcChannel(socketPath, $"containerd at {socketPath}"), containerNamespace, timeout ?? TimeSpan.FromSeconds(60), null)
    {
    }

    private ContainerdClient(GrpcChannel channel, string containerNamespace, TimeSpan? timeout, string? lease)
    {
        _channel = channel;
        _ownsChannel = lease is null;
        Namespace = containerNamespace;
        Lease = lease;
        Dictionary<string, string> metadata = new(StringComparer.Ordinal) { ["containerd-namespace"] = containerNamespace };
        if (lease is not null) metadata["containerd-lease"] = lease;
        _options = new GrpcCallOptions { Timeout = timeout, Metadata = metadata };
        Containers = new ContainerStore(this);
        Content = new ContentStore(this);
        Images = new ImageStore(this);
        Leases = new LeaseStore(this);
    }

    public string Namespace { get; }

    /// <summary>Id of the lease under which everything is created, or null.</summary>
    public string? Lease { get; }

    public ContainerStore Containers { get; }

    public ContentStore Content { get; }

    public ImageStore Images { get; }

    public LeaseStore Leases { get; }

    /// <summary>Snapshots as containerd names them, of one of its snapshotters.</summary>
    /// <param name="snapshotter">Name of the plugin, e.g. <c>sluice</c> or <c>overlayfs</c>.</param>
    public SnapshotStore Snapshots(string snapshotter) => new(this, snapshotter);

    /// <summary>The same containerd; what is created belongs to the lease until that is deleted.</summary>
    public ContainerdClient WithLease(string lease) => new(_channel, Namespace, _options.Timeout, lease);

    /// <summary>Version of containerd, e.g. <c>1.6.20</c>.</summary>
    public async Task<string> GetVersionAsync(CancellationToken cancellation)
    {
        VersionResponse response = await CallAsync(ContainerdMethods.Version, new Empty(), cancellation);
        return response.Version;
    }

    public async Task<IReadOnlyList<string>> ListNamespacesAsync(CancellationToken cancellation)
    {
        ListNamespacesResponse response = await CallAsync(ContainerdMethods.ListNamespaces, new ListNamespacesRequest(), cancellation);
        return [.. response.Namespaces.Select(item => item.Name)];
    }

    /// <summary>Makes sure that <see cref="Namespace"/> exists.</summary>
    public async Task EnsureNamespaceAsync(CancellationToken cancellation)
    {
        try
        {
            CreateNamespaceRequest request = new() { Namespace = new Namespace { Name = Namespace } };
            await CallAsync(ContainerdMethods.CreateNamespace, request, cancellation);
        }
        catch (GrpcException exception) when (exception.Status == GrpcStatusCode.AlreadyExists)
        {
            // What was wanted.
        }
    }

    public void Dispose()
    {
        if (_ownsChannel) _channel.Dispose();
    }

    internal Task<TResponse> CallAsync<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken cancellation)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> => _channel.UnaryAsync(method, request, _options, cancellation);

    internal IAsyncEnumerable<TResponse> StreamAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken cancellation)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> => _channel.ServerStreamingAsync(method, request, _options, cancellation);

    internal GrpcClientStream<TRequest, TResponse> Open<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, CancellationToken cancellation)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> => _channel.Open(method, _options, cancellation);
}
