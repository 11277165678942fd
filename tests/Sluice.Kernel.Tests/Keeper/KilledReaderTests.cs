using System.Diagnostics;
using System.Globalization;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Tests.Support;

namespace Sluice.Kernel.Tests.Keeper;

/// <summary>A server that is killed when a request has come and its threads have not run yet: on a busy machine they take it while they die.</summary>
public sealed class KilledReaderTests
{
    private static readonly FuseSession Session = new((int)FuseLayout.MinorVersion, Passthrough: false, Resend: true);

    private const string Busy = "echo busy; end=$((${EPOCHREALTIME/[.,]/} + 500000)); while ((${EPOCHREALTIME/[.,]/} < end)); do :; done";

    [Fact]
    public async Task What_a_dying_thread_has_taken_goes_to_the_successor()
    {
        Root.Required();
        if (Environment.ProcessorCount < 2) Assert.Skip("needs two processors: one of them is kept busy");
        using var keeper = new TestKeeper();
        string path = Path.Combine(keeper.Disks, "blob");
        await using Victim victim = await Victim.StartKeptAsync(keeper.State, keeper.Disks, "writable", "blob");

        // A large write, as its pages were in no request before.
        using Process writer = Process.Start(new ProcessStartInfo("bash", ["-c", $"exec 3<>{path}; echo open; read; exec dd if=/dev/zero bs=1M count=1 status=none >&3"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Assert.Equal("open", await writer.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        int processor = await victim.StayOnOneProcessorAsync();
        using (Process busy = Occupy(processor))
        {
            Assert.Equal("busy", await busy.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
            await writer.StandardInput.WriteLineAsync();
            await Wait.UntilAsync(() => File.ReadAllText($"/proc/{writer.Id}/wchan").Contains("wait_answer", StringComparison.Ordinal));
            await victim.KillAsync();
            await busy.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        using KeeperProcess successor = await keeper.OpenAsync();
        var disk = new WritableMemoryDisk("blob", 1 << 20);
        Array.Fill(disk.Bytes, (byte)1);
        await using DiskServer server = await DiskServer.AdoptAsync(
            new DiskServerOptions { MountPoint = keeper.Disks, Writable = true }, new AdoptedConnection(successor.Take()["disks"], Session), [new AdoptedDisk(disk, Place: 3, Opens: 1)], _ => { });
        await writer.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(("", 0), (await writer.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken), writer.ExitCode));
        Assert.Equal(-1, disk.Bytes.AsSpan().IndexOfAnyExcept((byte)0));
    }

    /// <summary>Says so, and then leaves a processor to nobody for half a second.</summary>
    private static Process Occupy(int processor)
    {
        string number = processor.ToString(CultureInfo.InvariantCulture);
        return Process.Start(new ProcessStartInfo("taskset", ["-c", number, "chrt", "-f", "50", "bash", "-c", Busy]) { RedirectStandardOutput = true })!;
    }
}
