using System.Text;
using Sluice.EndToEnd.Harness;
using Sluice.Formats.Hashing;

namespace Sluice.EndToEnd.Survival;

/// <summary>A program meets what another version has left.</summary>
public sealed class VersionsTests
{
    [Fact]
    public async Task What_a_later_version_left_is_refused_untouched_and_what_an_earlier_one_left_is_used()
    {
        await using TestNode node = await TestNode.StartAsync();
        string image = await node.ConvertedAsync(new OrdinaryImage()), versions = Path.Combine(node.Root, "versions");
        await node.PullAsync(image);
        await node.StartContainerAsync(image, "one");
        string sum = await node.ExecAsync("one", "find / -xdev -type f -exec cat {} + > /dev/null; cat /data/* | sha256sum");
        await node.StopDaemonAsync();
        string own = await File.ReadAllTextAsync(versions, TestMachine.Cancellation);

        await File.WriteAllTextAsync(versions, Later(own, "map 2", "map 3"), TestMachine.Cancellation);
        string[] before = Everything(node);
        string[] refused = [versions, "map has version 3, this program knows 2", "start the later one"];
        (await SluiceProgram.RunAsync("daemon", "--root", node.Root, "--state", node.State)).Fails(8, refused);
        (await SluiceProgram.RunAsync("mount", image, node.Workspace.MakeDirectory("target"), "--root", node.Root, "--state", node.Workspace.File("other"))).Fails(8, refused);
        Assert.Equal(before, Everything(node));

        await File.WriteAllTextAsync(versions, own, TestMachine.Cancellation);
        await node.StartDaemonAsync();
        await File.WriteAllTextAsync(versions, Later(own, "map 2\n", "map 2\nmarks 1\n"), TestMachine.Cancellation);
        (await SluiceProgram.RunAsync("upgrade", "--admin-address", node.AdminSocket)).Fails(10, "ended before it had taken over");
        await TestMachine.UntilAsync(() => node.Daemon!.Log.Contains("marks has version 1, this program knows none", StringComparison.Ordinal), "the log says why");
        Assert.Equal(sum, await node.ExecAsync("one", "cat /data/* | sha256sum")); // the running one goes on
        await node.StopDaemonAsync();

        File.Delete(versions); // as before there was such a file
        await node.Registry.StopAsync();
        await node.StartDaemonAsync();
        Assert.Equal(sum, await node.RunAsync(image, "two", "/bin/sh", "-c", "cat /data/* | sha256sum"));
        Assert.Equal(own, await File.ReadAllTextAsync(versions, TestMachine.Cancellation));
        await node.Registry.StartAsync();
    }

    /// <summary>Names, sizes and times of all files below the root. A daemon that wants to start opens the lock.</summary>
    /// <summary>The file as a later program would have written it, with its checksum.</summary>
    private static string Later(string own, string from, string to)
    {
        string lines = own[..(own.TrimEnd('\n').LastIndexOf('\n') + 1)].Replace(from, to, StringComparison.Ordinal);
        return $"{lines}crc32c {Crc32C.Compute(Encoding.UTF8.GetBytes(lines)):x8}\n";
    }

    private static string[] Everything(TestNode node) =>
    [
        .. new DirectoryInfo(node.Root).EnumerateFiles("*", SearchOption.AllDirectories).Where(file => file.Name is not "lock")
            .Select(file => $"{file.FullName} {file.Length} {file.LastWriteTimeUtc:O}").Order(StringComparer.Ordinal),
    ];
}
