using Sluice.Kernel.Mounts;
using Sluice.Testing;

namespace Sluice.EndToEnd.Faults;

/// <summary>The disk below <c>--root</c> is full, too small, read-only or no directory at all.</summary>
[Collection(FaultCollection.Name)]
public sealed class CacheDiskTests(FaultImage image)
{
    /// <summary>The image alone: not every file system here can carry a bootstrap that is mounted from a file.</summary>
    private string[] Arguments(MountForm form) => FaultImage.Arguments(form, image.Registry.Host)[..1];

    [Theory]
    [InlineData("tmpfs", MountForm.RafsFile)]
    [InlineData("ext4", MountForm.RafsFile)]
    [InlineData("tmpfs", MountForm.OverlayBd)]
    [InlineData("ext4", MountForm.OverlayBd)]
    public async Task ReadsGoOnWhenTheDiskIsFull(string type, MountForm form)
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        Directory.CreateDirectory(places.Root);
        if (type == "tmpfs") MountCalls.Tmpfs(places.Root, 600 << 10);
        else await MountExt4Async(places);
        await using (LazyMount mount = await LazyMount.StartAsync(places, Arguments(form)))
        {
            await mount.ReadAllRightAsync(image);
            await mount.LoggedAsync("serving without the cache");
            await mount.UnmountAsync();
        }

        await using LazyMount again = await LazyMount.StartAsync(places, Arguments(form));
        await again.ReadAllRightAsync(image);
        await again.UnmountAsync();
    }

    [Theory]
    [InlineData(MountForm.RafsFile)]
    [InlineData(MountForm.OverlayBd)]
    public async Task AReadOnlyDiskIsNamed(MountForm form)
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        Directory.CreateDirectory(places.Root);
        MountCalls.Tmpfs(places.Root, 1 << 20);
        Assert.Equal(0, (await ChildProcess.RunAsync("mount", "-o", "remount,ro", places.Root)).ExitCode);
        await ExpectAsync(places, form, "Read-only file system");
    }

    [Theory]
    [InlineData(MountForm.RafsFile)]
    [InlineData(MountForm.OverlayBd)]
    public async Task AFullDiskAtTheStartIsNamed(MountForm form)
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        Directory.CreateDirectory(places.Root);
        MountCalls.Tmpfs(places.Root, 4096);
        await ExpectAsync(places, form, "No space left on device");
    }

    [Fact]
    public async Task ARootThatIsAFileIsNamed()
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        await File.WriteAllTextAsync(places.Root, "");
        await ExpectAsync(places, MountForm.RafsFile, "");
    }

    private async Task ExpectAsync(Places places, MountForm form, string reason)
    {
        (int code, string errors) = await LazyMount.FailAsync(places, Arguments(form));
        Assert.True(code == 8, errors);
        Assert.Contains($"sluice: {places.Root}", errors, StringComparison.Ordinal);
        Assert.Contains(reason, errors, StringComparison.Ordinal);
        Assert.Equal(2, errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length); // with a hint
    }

    private static async Task MountExt4Async(Places places)
    {
        string file = places.Of("disk");
        using (FileStream disk = File.Create(file)) disk.SetLength(1 << 20);
        ChildProcess made = await ChildProcess.RunAsync("mkfs.ext4", "-q", "-O", "^has_journal", file);
        Assert.True(made.ExitCode == 0, made.Errors);
        ChildProcess mounted = await ChildProcess.RunAsync("mount", "-o", "loop", file, places.Root);
        Assert.True(mounted.ExitCode == 0, mounted.Errors);
    }
}
