using Sluice.Kernel.Mounts;
using Sluice.Testing;

namespace Sluice.EndToEnd.Faults;

/// <summary>The serving process is killed in the middle of a cold read. The reader gets an error, the next start cleans up and reads right.</summary>
[Collection(FaultCollection.Name)]
public sealed class KilledMountTests(FaultImage image)
{
    [Theory]
    [InlineData(MountForm.RafsFile)]
    [InlineData(MountForm.RafsLoop)]
    [InlineData(MountForm.OverlayBd)]
    public async Task AKilledMountIsReplacedByTheNext(MountForm form)
    {
        LazyMount.SkipIfImpossible();
        Random random = new(7);
        using Places places = new();
        await using FaultProxy proxy = new(image.Registry.Address);
        for (int round = 0; round < (form == MountForm.RafsFile ? 10 : 4); round++)
        {
            // The cache of every third round is cold; the others find what the killed one has left.
            if (round % 3 == 0 && Directory.Exists(places.Root)) Directory.Delete(Path.Combine(places.Root, "cache"), recursive: true);
            await using LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(form, proxy.Authority));
            Assert.Single(MountTable.Below(places.Target));
            TaskCompletionSource now = new(TaskCreationOptions.RunContinuationsAsynchronously);
            int after = random.Next(1, 12);
            proxy.Always = _ =>
            {
                if (Interlocked.Decrement(ref after) == 0) now.TrySetResult();
                return new Fault(FaultKind.Delay) { Delay = TimeSpan.FromMilliseconds(10) };
            };
            Task<ChildProcess> reading = mount.StartReading(image);
            await Task.WhenAny(now.Task, reading);
            await mount.KillAsync();
            CheckLines((await reading).Output);
        }

        proxy.Always = null;
        await using LazyMount last = await LazyMount.StartAsync(places, FaultImage.Arguments(form, proxy.Authority));
        await last.ReadAllRightAsync(image);
        await last.UnmountAsync();
        Assert.Empty(MountTable.Below(places.State));
    }

    [Fact]
    public async Task ASecondMountOnTheSameDirectoryLeavesTheFirstAlone()
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        string[] name = FaultImage.Arguments(MountForm.RafsFile, image.Registry.Host);
        await using LazyMount first = await LazyMount.StartAsync(places, name);
        (int code, string errors) = await LazyMount.FailAsync(places, name);
        Assert.Equal(8, code);
        Assert.Contains("is used by process ", errors, StringComparison.Ordinal);
        Assert.Contains("unmount", errors, StringComparison.Ordinal);
        await first.ReadAllRightAsync(image);
        await first.UnmountAsync();
    }

    [Fact]
    public async Task OtherMountsOnTheDirectoryStay()
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        Directory.CreateDirectory(places.Target);
        MountCalls.Tmpfs(places.Target, 1 << 20);
        await using LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(MountForm.RafsFile, image.Registry.Host));
        await mount.ReadAllRightAsync(image);
        Assert.Equal("erofs", MountTable.Find(places.Target)?.Type);
        Assert.True(MountCalls.Detach(places.Target));
        await mount.EndedAsync();
        Assert.Equal("tmpfs", MountTable.Find(places.Target)?.Type);
    }

    private void CheckLines(string output)
    {
        foreach (string line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries)) LazyMount.CheckHash(image, line);
    }
}
