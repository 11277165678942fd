using Sluice.EndToEnd.Harness;
using Sluice.Testing;

namespace Sluice.EndToEnd.Faults;

/// <summary>Pulls from a registry that takes connections and says nothing.</summary>
[Collection(FaultCollection.Name)]
public sealed class SilentRegistryTests(FaultImage image)
{
    [Fact]
    public async Task A_pull_ends_by_the_deadline_and_names_the_registry()
    {
        LazyMount.SkipIfImpossible();
        using Workspace workspace = new();
        await using FaultProxy proxy = new(image.Registry.Address) { Always = _ => new Fault(FaultKind.Silence) };
        string config = workspace.File("config.yaml");
        await File.WriteAllTextAsync(config, "fetch:\n  deadline_seconds: 2\n", TestMachine.Cancellation);
        await using SluiceDaemon daemon = await SluiceDaemon.StartAsync(workspace.File("sluice"), "--config", config);
        SluiceResult refused = await PullAsync(workspace, proxy);
        refused.Fails(7, $"registry {proxy.Authority}", "did not deliver the manifest of ", "app:rafs in 2 s");
        await daemon.StopAsync();
    }

    [Theory]
    [InlineData("/manifests/")]
    [InlineData("/blobs/")]
    public async Task A_daemon_that_is_stopped_during_a_pull_says_so(string silent)
    {
        LazyMount.SkipIfImpossible();
        using Workspace workspace = new();
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using FaultProxy proxy = new(image.Registry.Address);
        proxy.Always = request =>
        {
            if (!request.Path.Contains(silent, StringComparison.Ordinal)) return null;
            asked.TrySetResult();
            return new Fault(FaultKind.Silence);
        };
        await using SluiceDaemon daemon = await SluiceDaemon.StartAsync(workspace.File("sluice"));
        Task<SluiceResult> pulling = PullAsync(workspace, proxy);
        await asked.Task.WaitAsync(TestMachine.Cancellation);
        await daemon.StopAsync();
        (await pulling).Fails(10, "is stopping", "ask again");
        Assert.Empty(workspace.Mounts());
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(SluiceDaemon.RootOf(workspace.File("sluice")), "images")));
    }

    /// <summary>It never gets as far as containerd.</summary>
    private static Task<SluiceResult> PullAsync(Workspace workspace, FaultProxy proxy) => SluiceProgram.RunAsync(
        "pull", $"{proxy.Authority}/app:rafs", "--admin-address", SluiceDaemon.AdminSocketOf(workspace.File("sluice")), "--containerd-address", workspace.File("none.sock"));
}
