using Sluice.EndToEnd.Harness;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.EndToEnd.Faults;

/// <summary>What was mounted once is mounted again while its registry is away.</summary>
[Collection(FaultCollection.Name)]
public sealed class OfflineMountTests(FaultImage image)
{
    [Theory]
    [InlineData(MountForm.RafsFile)]
    [InlineData(MountForm.RafsLoop)]
    [InlineData(MountForm.OverlayBd)]
    public async Task AnImageIsMountedWithoutItsRegistry(MountForm form)
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        FaultProxy proxy = new(image.Registry.Address);
        await using IImageStore store = ImageStores.Open(ImageReference.Parse($"docker://{image.Registry.Host}/app:v1"), new SourceOptions());
        string digest = (await store.GetManifestAsync(FaultImage.Tag(form), default)).Digest.ToString();
        string byTag = $"docker://{proxy.Authority}/app:{FaultImage.Tag(form)}", byDigest = $"docker://{proxy.Authority}/app@{digest}", never = $"docker://{proxy.Authority}/app:v2";
        await MountAndReadAsync(byTag);

        int asked = proxy.Requests.Count;
        await MountAndReadAsync(byDigest);
        Assert.Equal(asked, proxy.Requests.Count);

        proxy.Always = _ => Fault.Answer(404); // an answer, even if it is no
        Assert.Contains("does not exist", (await LazyMount.FailAsync(places, byTag, "--mode", FaultImage.Mode(form))).Errors, StringComparison.Ordinal);
        proxy.Always = _ => Fault.Answer(401);
        Assert.Contains("login required", (await LazyMount.FailAsync(places, byTag, "--mode", FaultImage.Mode(form))).Errors, StringComparison.Ordinal);

        await proxy.DisposeAsync();
        string warned = await MountAndReadAsync(byTag);
        Assert.Contains($"registry {proxy.Authority} can't be reached", warned, StringComparison.Ordinal);
        Assert.Contains(digest, warned, StringComparison.Ordinal);
        Assert.DoesNotContain("can't be reached", await MountAndReadAsync(byDigest), StringComparison.Ordinal);
        Assert.Contains("connection refused", (await LazyMount.FailAsync(places, never, "--mode", FaultImage.Mode(form))).Errors, StringComparison.Ordinal);
        Assert.Contains("connection refused", (await LazyMount.FailAsync(places, byTag, "--mode", FaultImage.Mode(form), "--platform", "linux/riscv64")).Errors, StringComparison.Ordinal);

        async Task<string> MountAndReadAsync(string name)
        {
            await using LazyMount mount = await LazyMount.StartAsync(places, name, "--mode", FaultImage.Mode(form));
            await mount.ReadAllRightAsync(image);
            await mount.UnmountAsync();
            return string.Join('\n', mount.Log);
        }
    }

    [Fact]
    public async Task TheBackgroundMountPassesTheWarningOn()
    {
        LazyMount.SkipIfImpossible();
        using Places places = new();
        FaultProxy proxy = new(image.Registry.Address);
        Directory.CreateDirectory(places.Target);
        string[] arguments = ["mount", "--config", places.Config, "--root", places.Root, "--state", places.State, .. FaultImage.Arguments(MountForm.RafsFile, proxy.Authority), places.Target];
        foreach (bool away in new[] { false, true })
        {
            if (away) await proxy.DisposeAsync();
            ChildProcess mounted = await ChildProcess.RunAsync(SluiceProgram.Path, arguments);
            Assert.True(mounted.ExitCode == 0, mounted.Errors);
            Assert.Equal(away, mounted.Errors.Contains("can't be reached", StringComparison.Ordinal));
            ChildProcess unmounted = await ChildProcess.RunAsync(SluiceProgram.Path, "umount", places.Target);
            Assert.True(unmounted.ExitCode == 0, unmounted.Errors);
            await Harness.TestMachine.UntilAsync(() => !Directory.Exists(places.State) || Sluice.Kernel.Mounts.MountTable.Below(places.State).Count == 0, "the background process ends");
        }
    }
}
