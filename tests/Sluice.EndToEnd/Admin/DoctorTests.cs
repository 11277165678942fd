using System.Text.Json;
using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Admin;

/// <summary><c>sluice doctor</c> on a node with a real daemon, containerd and registry. What this machine itself lacks is not its fault.</summary>
public sealed class DoctorTests
{
    private static readonly string[] OfTheMachine = ["state-not-volatile", "root-file-system", "root-space", "root-inodes", "keeper-missing", "erofs-from-files", "kernel-old", "open-files", "fuse-max-pages", "mount-limit", "cri-snapshotter"];

    [Fact]
    public async Task A_node_that_works_is_healthy_and_one_without_daemon_is_not()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage());
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");
        Assert.Empty((await ExamineAsync(node)).Except(OfTheMachine));

        await node.Registry.StopAsync(); // asked because an image is here that came from it
        Assert.Equal(["registry-unreachable"], (await ExamineAsync(node)).Except(OfTheMachine));
        await node.Registry.StartAsync();

        File.SetUnixFileMode(SluiceDaemon.AdminSocketOf(node.Workspace.File("sluice")), (UnixFileMode)0b110_110_000);
        Assert.Equal(["socket-mode"], (await ExamineAsync(node)).Except(OfTheMachine));

        await node.RemoveContainerAsync("one");
        await node.StopDaemonAsync();
        Assert.Equal(["daemon-not-running"], (await ExamineAsync(node)).Except(OfTheMachine));
    }

    private static async Task<string[]> ExamineAsync(TestNode node)
    {
        SluiceResult result = await SluiceProgram.RunAsync(
            "doctor", "--json", "--root", node.Root, "--state", node.State, "--containerd-address", node.Containerd.Socket, "--hosts-dir", node.Workspace.MakeDirectory($"{Guid.NewGuid():n}"));
        Assert.True(result.ExitCode is 0 or 1, $"{result.ExitCode}\n{result.Error}");
        using JsonDocument report = JsonDocument.Parse(result.Output);
        Assert.Equal(result.ExitCode == 0, report.RootElement.GetProperty("healthy").GetBoolean());
        return [.. report.RootElement.GetProperty("findings").EnumerateArray().Where(finding => !IsOfAnotherTest(node, finding)).Select(finding => finding.GetProperty("id").GetString()!)];
    }

    /// <summary>All FUSE mounts of the machine are asked, and other tests kill who serves theirs.</summary>
    private static bool IsOfAnotherTest(TestNode node, JsonElement finding) =>
        finding.GetProperty("id").GetString()!.StartsWith("mount-", StringComparison.Ordinal) && !finding.GetProperty("subject").GetString()!.StartsWith(node.Workspace.Root, StringComparison.Ordinal);
}
