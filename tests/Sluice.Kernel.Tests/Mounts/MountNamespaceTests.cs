using System.Diagnostics;
using Sluice.Formats;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Tests.Support;
using Sluice.Testing;

namespace Sluice.Kernel.Tests.Mounts;

/// <summary>Mounts in the namespace of another process.</summary>
public sealed class MountNamespaceTests
{
    [Fact]
    public async Task Mounts_are_made_there_and_not_here()
    {
        Root.Required();
        using var directory = new TemporaryDirectory();
        using Process other = await OtherAsync();
        try
        {
            using MountNamespace place = MountNamespace.Of(other.Id);
            string first = Directory.CreateDirectory(directory.File("first")).FullName, second = Directory.CreateDirectory(directory.File("second")).FullName;
            await using (MountProcess mounts = MountProcess.Start(new MountProcessOptions { Namespace = place }, _ => { }))
            {
                await mounts.MountTmpfsAsync(first, 1 << 20);
                MountNamespace.Run(place, () => MountCalls.Tmpfs(second, 1 << 20));
                Assert.Equal([first, second], Seen(other, directory.Path));
                Assert.Empty(MountTable.Below(directory.Path));
                Assert.True(await mounts.DetachAsync(first));
            }

            MountNamespace.Run(place, () => Assert.True(MountCalls.Detach(second)));
            Assert.Empty(Seen(other, directory.Path));
        }
        finally
        {
            other.Kill();
            await other.WaitForExitAsync();
        }
    }

    [Fact]
    public async Task It_outlives_its_process_and_what_fails_there_fails_here()
    {
        Root.Required();
        using Process other = await OtherAsync();
        using MountNamespace place = MountNamespace.Of(other.Id);
        other.Kill();
        await other.WaitForExitAsync();
        Assert.Throws<SluiceException>(() => MountNamespace.Run(place, () => MountCalls.Tmpfs("/nowhere/at/all", 1 << 20)));
        Assert.Equal($"/proc/{other.Id}/ns/mnt", Assert.Throws<SluiceException>(() => MountNamespace.Of(other.Id)).Culprit);
    }

    [Fact]
    public void What_is_no_namespace_is_not_entered()
    {
        Root.Required();
        using MountNamespace nothing = MountNamespace.Open("/dev/null");
        Assert.Throws<SluiceException>(() => MountNamespace.Run(nothing, () => Assert.Fail("entered")));
    }

    private static string[] Seen(Process process, string directory) =>
        [.. File.ReadLines($"/proc/{process.Id}/mountinfo").Select(line => line.Split(' ')[4]).Where(point => point.StartsWith(directory + "/", StringComparison.Ordinal)).Order()];

    /// <summary>A process with a mount namespace of its own.</summary>
    private static async Task<Process> OtherAsync()
    {
        Process process = Process.Start(new ProcessStartInfo("unshare", ["--mount", "--propagation", "private", "sleep", "1000"]))!;
        while (File.ReadAllText($"/proc/{process.Id}/comm").Trim() != "sleep") await Task.Delay(5);
        return process;
    }
}
