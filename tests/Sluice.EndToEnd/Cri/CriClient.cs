using Google.Protobuf;
using Sluice.Containerd.Grpc;
using Sluice.EndToEnd.Cri.Protos;
using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Cri;

/// <summary>What the kubelet does with containerd, over its socket. Sandboxes use the network of the host.</summary>
internal sealed class CriClient(string socket, string logs) : IDisposable
{
    private const string RuntimeService = "/runtime.v1.RuntimeService/";
    private const string ImageService = "/runtime.v1.ImageService/";

    private readonly GrpcChannel _channel = new(socket, $"containerd at {socket}");

    private PodSandboxConfig Sandbox => new()
    {
        Metadata = new PodSandboxMetadata { Name = "pod", Uid = Path.GetFileName(logs), Namespace = "default" },
        LogDirectory = logs,
        Linux = new LinuxPodSandboxConfig { SecurityContext = new LinuxSandboxSecurityContext { NamespaceOptions = HostNetwork } },
    };

    private static NamespaceOption HostNetwork => new() { Network = NamespaceMode.Node };

    /// <returns>The id of the image, which is the digest of its configuration.</returns>
    public async Task<string> PullAsync(string image, string? user = null, string? password = null)
    {
        PullImageRequest request = new() { Image = new ImageSpec { Image = image }, SandboxConfig = Sandbox };
        if (user is not null) request.Auth = new AuthConfig { Username = user, Password = password };
        return (await CallAsync(ImageService + "PullImage", request, PullImageResponse.Parser)).ImageRef;
    }

    public Task RemoveImageAsync(string image) =>
        CallAsync(ImageService + "RemoveImage", new RemoveImageRequest { Image = new ImageSpec { Image = image } }, Nothing.Parser);

    public async Task<string> RunSandboxAsync() =>
        (await CallAsync(RuntimeService + "RunPodSandbox", new RunPodSandboxRequest { Config = Sandbox }, RunPodSandboxResponse.Parser)).PodSandboxId;

    public async Task StopAndRemoveSandboxAsync(string sandbox)
    {
        await CallAsync(RuntimeService + "StopPodSandbox", new PodSandboxRequest { PodSandboxId = sandbox }, Nothing.Parser);
        await CallAsync(RuntimeService + "RemovePodSandbox", new PodSandboxRequest { PodSandboxId = sandbox }, Nothing.Parser);
    }

    /// <summary>Makes a container with the image's own command; what it says goes to <c>NAME.log</c>.</summary>
    public async Task<string> CreateContainerAsync(string sandbox, string image, string name)
    {
        CreateContainerRequest request = new()
        {
            PodSandboxId = sandbox,
            SandboxConfig = Sandbox,
            Config = new ContainerConfig
            {
                Metadata = new ContainerMetadata { Name = name },
                Image = new ImageSpec { Image = image },
                LogPath = name + ".log",
                Linux = new LinuxContainerConfig { SecurityContext = new LinuxContainerSecurityContext { NamespaceOptions = HostNetwork } },
            },
        };
        return (await CallAsync(RuntimeService + "CreateContainer", request, CreateContainerResponse.Parser)).ContainerId;
    }

    public Task StartContainerAsync(string container) => CallAsync(RuntimeService + "StartContainer", new ContainerRequest { ContainerId = container }, Nothing.Parser);

    public Task RemoveContainerAsync(string container) => CallAsync(RuntimeService + "RemoveContainer", new ContainerRequest { ContainerId = container }, Nothing.Parser);

    /// <summary>The status when the container has ended.</summary>
    public async Task<ContainerStatus> WaitForExitAsync(string container)
    {
        while (true)
        {
            ContainerRequest request = new() { ContainerId = container };
            ContainerStatus status = (await CallAsync(RuntimeService + "ContainerStatus", request, ContainerStatusResponse.Parser)).Status;
            if (status.State == ContainerState.ContainerExited) return status;
            await Task.Delay(50, TestMachine.Cancellation);
        }
    }

    public void Dispose() => _channel.Dispose();

    private Task<TResponse> CallAsync<TRequest, TResponse>(string path, TRequest request, MessageParser<TResponse> parser)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        _channel.UnaryAsync(new GrpcMethod<TRequest, TResponse>(path, parser), request, new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(60) }, TestMachine.Cancellation);
}
