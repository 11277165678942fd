using Sluice.Containerd.Client;
using Sluice.EndToEnd.Harness;
using Sluice.Kernel.Mounts;

namespace Sluice.EndToEnd.Containers;

/// <summary>Containers from a converted image: what is fetched, shared, written and cleaned up.</summary>
public sealed class LazyContainerTests
{
    [Fact]
    public async Task A_container_starts_with_little_fetched_and_no_layer_stored()
    {
        await using TestNode node = await TestNode.StartAsync();
        await new OrdinaryImage().PushAsync(node.Image("app:v1"));
        (await SluiceProgram.RunAsync("convert", node.Image("app:v1"), node.Image("app:v1-rafs"))).Succeeds();
        node.Registry.Forget();

        await node.PullAsync(node.Image("app:v1-rafs"));
        Assert.Contains("READY", await node.RunAsync(node.Image("app:v1-rafs"), "first"), StringComparison.Ordinal);

        // containerd has manifest and configuration, nothing else.
        using ContainerdClient client = node.Connect();
        Assert.Equal(2, (await client.Content.ListAsync([], TestMachine.Cancellation)).Count);
    }
}
