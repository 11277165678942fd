using Sluice.EndToEnd.Faults;
using Sluice.EndToEnd.Harness;
using Sluice.Kernel.Keeper;
using Sluice.Kernel.Mounts;
using Sluice.Testing;

namespace Sluice.EndToEnd.Survival;

/// <summary>The process of a `sluice mount` is killed; the same command again serves the mount on.</summary>
[Collection(FaultCollection.Name)]
public sealed class KilledMountSurvivalTests(FaultImage image)
{
    [Theory]
    [InlineData(MountForm.RafsFile)]
    [InlineData(MountForm.RafsLoop)]
    [InlineData(MountForm.OverlayBd)]
    public async Task The_same_command_again_answers_those_who_wait(MountForm form)
    {
        LazyMount.SkipIfImpossible();
        using Places places = new(deadlineSeconds: 60);
        await using FaultProxy proxy = new(image.Registry.Address);
        string[] command = FaultImage.Arguments(form, proxy.Authority);
        Task<ChildProcess> reading;
        MountEntry mounted;
        await using (LazyMount first = await LazyMount.StartAsync(places, command))
        {
            mounted = MountTable.Find(places.Target)!;
            TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
            proxy.Always = _ =>
            {
                asked.TrySetResult();
                return new Fault(FaultKind.Silence);
            };
            reading = first.StartReading(image);
            await asked.Task.WaitAsync(TestContext.Current.CancellationToken);
            await first.KillAsync();
        }

        proxy.Always = _ => new Fault(FaultKind.Silence); // the registry is away; taking over asks nobody
        (int code, string errors) = await LazyMount.FailAsync(places, FaultImage.Arguments(form == MountForm.OverlayBd ? MountForm.RafsFile : MountForm.OverlayBd, proxy.Authority));
        Assert.Equal(2, code);
        Assert.Contains("something else is mounted there", errors, StringComparison.Ordinal);
        await using LazyMount second = await LazyMount.StartAsync(places, command);
        proxy.Always = null;
        ChildProcess read = await reading;
        Assert.Equal((0, ""), (read.ExitCode, read.Errors));
        foreach (string line in read.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)) LazyMount.CheckHash(image, line);
        await second.ReadAllRightAsync(image);
        Assert.Equal(mounted, MountTable.Find(places.Target));
        await second.UnmountAsync();
        Assert.Empty(MountTable.Below(places.State));
        Assert.Null(KeeperProcess.Names(places.State));
    }

    [Fact]
    public async Task What_nobody_serves_can_be_unmounted()
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        await using (LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(MountForm.OverlayBd, image.Registry.Host))) await mount.KillAsync();
        ChildProcess unmount = await ChildProcess.RunAsync(SluiceProgram.Path, "umount", "--root", places.Root, "--state", places.State, places.Target);
        Assert.Equal((0, ""), (unmount.ExitCode, unmount.Errors));
        Assert.Null(MountTable.Find(places.Target));
        Assert.Empty(MountTable.Below(places.State));
        Assert.Null(KeeperProcess.Names(places.State));
    }

    [Fact]
    public async Task A_supervised_mount_comes_back_by_itself()
    {
        LazyMount.SkipIfImpossible();
        using Places places = new(deadlineSeconds: 60);
        await using LazyMount supervisor = await LazyMount.StartAsync(places, [.. FaultImage.Arguments(MountForm.RafsFile, image.Registry.Host), "--supervise"]);
        for (int round = 0; round < 2; round++)
        {
            int? serving = Serving(supervisor.ProcessId);
            System.Diagnostics.Process.GetProcessById(serving!.Value).Kill();
            await supervisor.ReadAllRightAsync(image);
            await TestMachine.UntilAsync(() => Serving(supervisor.ProcessId) is { } next && next != serving, "another process serves");
        }

        await supervisor.UnmountAsync();
        Assert.Empty(MountTable.Below(places.State));
    }

    [Fact]
    public async Task Readers_of_what_nobody_serves_get_an_error_by_the_deadline()
    {
        LazyMount.SkipIfImpossible();
        using Places places = new(deadlineSeconds: 2);
        string[] command = FaultImage.Arguments(MountForm.RafsFile, image.Registry.Host);
        Task<ChildProcess> reading;
        await using (LazyMount first = await LazyMount.StartAsync(places, command))
        {
            await first.KillAsync();
            reading = first.StartReading(image);
        }

        Assert.Contains("Input/output error", (await reading).Errors, StringComparison.Ordinal);
        await using LazyMount second = await LazyMount.StartAsync(places, command);
        await second.ReadAllRightAsync(image);
        await second.UnmountAsync();
    }

    /// <summary>The child that serves.</summary>
    private static int? Serving(int supervisor) => Directory.EnumerateDirectories($"/proc/{supervisor}/task")
        .SelectMany(task => File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Select(int.Parse).Where(child => File.ReadAllText($"/proc/{child}/cmdline").Contains("--foreground", StringComparison.Ordinal)).Select(child => (int?)child).FirstOrDefault();
}
