using Sluice.Containerd.Grpc;
using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Cri;

/// <summary>A node as Kubernetes has it.</summary>
internal static class CriNode
{
    /// <summary>A node whose containerd has the CRI plugin, knows the plain-http registry by a hosts.toml, and has a sandbox image.</summary>
    /// <param name="daemon">Options of the daemon.</param>
    public static async Task<TestNode> StartAsync(params string[] daemon)
    {
        TestNode node = await TestNode.StartAsync((options, host) => options with { SandboxImage = $"{host}/pause:v1", HostsDirectory = HostsDirectory(options, host) }, daemon);
        await new OrdinaryImage(command: ["/bin/sleep", "1000000"]).PushAsync(node.Image("pause:v1"));
        return node;
    }

    private static string HostsDirectory(Testing.Runtime.ContainerdOptions options, string host)
    {
        string directory = Path.Combine(Path.GetDirectoryName(options.SnapshotterSocket)!, "certs.d");
        Directory.CreateDirectory(Path.Combine(directory, host));
        File.WriteAllText(Path.Combine(directory, host, "hosts.toml"), $"server = \"http://{host}\"\n[host.\"http://{host}\"]\n  capabilities = [\"pull\", \"resolve\"]\n");
        return directory;
    }

    /// <summary>
    /// containerd takes up to 3 s to dial a snapshotter again that was away, and may meet the end of a connection that it made while that stopped; the kubelet asks until it has another.
    /// </summary>
    public static async Task PullAgainAsync(CriClient cri, string image, string user, string password)
    {
        while (true)
        {
            try
            {
                await cri.PullAsync(image, user, password);
                return;
            }
            catch (GrpcException exception) when (
                exception.Message.Contains("while dialing", StringComparison.Ordinal) || exception.Message.EndsWith("waiting for server handshake: unavailable", StringComparison.Ordinal) || exception.Message.EndsWith("connection closed: unavailable", StringComparison.Ordinal))
            {
                await Task.Delay(100, TestMachine.Cancellation);
            }
        }
    }

    public static CriClient Connect(TestNode node) => new(node.Containerd.Socket, node.Workspace.MakeDirectory("logs"));
}
