using System.Collections.Concurrent;
using Google.Protobuf;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Protos.Cri;

namespace Sluice.Containerd.Cri;

/// <summary>
/// CRI's image service, passed on to containerd. containerd keeps what a pull was authorized with to itself, so a snapshotter that
/// reads images later has nothing to show to the registry; a kubelet whose <c>--image-service-endpoint</c> is this service tells it.
/// Messages are passed on with all their fields, also those that are not known here, and so are the errors.
/// </summary>
public sealed class ImageServiceProxy : IDisposable
{
    private const string Name = "runtime.v1.ImageService";

    private readonly ConcurrentBag<GrpcChannel> _made = [];
    private volatile GrpcChannel? _containerd;

    /// <param name="pulls">Hears of each pull with a login before it begins: containerd asks for the image's snapshots during it.</param>
    public ImageServiceProxy(Action<PullLogin> pulls)
    {
        Service = new GrpcService(Name)
            .Unary("PullImage", PullImageRequest.Parser, (request, call) =>
            {
                if (_containerd is not null && Login(request) is { } login) pulls(login);
                return PassAsync("PullImage", request, call);
            });
        foreach (string method in (string[])["ListImages", "ImageStatus", "RemoveImage", "ImageFsInfo"])
        {
            Service.Unary(method, Passed.Parser, (request, call) => PassAsync(method, request, call));
        }
    }

    public GrpcService Service { get; }

    /// <summary>Calls that come from now on go there; those under way go on where they are.</summary>
    /// <param name="containerdSocket">Absolute path; need not exist yet. Null: calls are answered as if the service were not there.</param>
    public void PassTo(string? containerdSocket)
    {
        GrpcChannel? channel = containerdSocket is null ? null : new GrpcChannel(containerdSocket, $"containerd at {containerdSocket}");
        if (channel is not null) _made.Add(channel);
        _containerd = channel;
    }

    public void Dispose()
    {
        foreach (GrpcChannel channel in _made) channel.Dispose();
    }

    private static PullLogin? Login(PullImageRequest request) =>
        request is { Image.Image: { Length: > 0 } image, Auth: { } auth }
            ? new PullLogin(image, auth.Username, new(auth.Password), new(auth.Auth), auth.ServerAddress, new(auth.IdentityToken), new(auth.RegistryToken))
            : null;

    /// <summary>A pull takes as long as its caller lets it.</summary>
    private Task<Passed> PassAsync<TRequest>(string method, TRequest request, GrpcCall call)
        where TRequest : class, IMessage<TRequest>
    {
        string path = $"/{Name}/{method}";
        if (_containerd is not { } containerd) throw new GrpcException(GrpcStatusCode.Unimplemented, $"unknown method {path}: credentials.cri is not set");
        return containerd.UnaryAsync(new GrpcMethod<TRequest, Passed>(path, Passed.Parser), request, GrpcCallOptions.None, call.Cancellation);
    }
}
