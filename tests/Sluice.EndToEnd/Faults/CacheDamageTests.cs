using Sluice.Testing;

namespace Sluice.EndToEnd.Faults;

/// <summary>Between two mounts someone damages what the first has stored: the second reads right, or fails by name where the registry can't help.</summary>
[Collection(FaultCollection.Name)]
public sealed class CacheDamageTests(FaultImage image)
{
    private const int Rounds = 14;

    [Theory]
    [InlineData(MountForm.RafsFile)]
    [InlineData(MountForm.RafsLoop)]
    [InlineData(MountForm.OverlayBd)]
    public async Task WithTheRegistryEverythingIsRight(MountForm form)
    {
        LazyMount.SkipIfImpossible();
        Random random = new((int)form + 31);
        using Places places = new();
        await using FaultProxy proxy = new(image.Registry.Address);
        await FillAsync(places, proxy, form);
        for (int round = 0; round < Rounds; round++)
        {
            // What one round leaves is the next one's start: damage must not pile up either.
            string damage = CacheDamage.Apply(places.Root, random);
            (LazyMount mount, bool mounted) = await LazyMount.TryStartAsync(places, FaultImage.Arguments(form, proxy.Authority));
            await using (mount)
            {
                Assert.True(mounted, $"{damage}: {string.Join('\n', mount.Log)}");
                await mount.ReadAllRightAsync(image);
                await mount.UnmountAsync();
            }
        }
    }

    [Theory]
    [InlineData(MountForm.RafsFile)]
    [InlineData(MountForm.OverlayBd)]
    public async Task WithoutTheRegistryNothingIsWrong(MountForm form)
    {
        LazyMount.SkipIfImpossible();
        Random random = new(form == MountForm.OverlayBd ? 6 : 5);
        using Places places = new(deadlineSeconds: 1);
        await using FaultProxy proxy = new(image.Registry.Address);
        await FillAsync(places, proxy, form);
        string good = places.Root;
        int refused = 0, failed = 0, right = 0;
        for (int round = 0; round < Rounds; round++)
        {
            places.Root = places.Of($"root-{round}");
            Assert.Equal(0, (await ChildProcess.RunAsync("cp", "-a", "--sparse=always", good, places.Root)).ExitCode);
            string damage = round == 0 ? "" : CacheDamage.Apply(places.Root, random);
            proxy.Always = request => request.Path.Contains("/blobs/", StringComparison.Ordinal) ? Fault.Answer(404) : null;
            (LazyMount mount, bool mounted) = await LazyMount.TryStartAsync(places, FaultImage.Arguments(form, proxy.Authority));
            await using (mount)
            {
                if (!mounted)
                {
                    refused++;
                    Assert.Contains(mount.Log, line => line.Contains($"registry {proxy.Authority}: blob sha256:", StringComparison.Ordinal));
                    continue;
                }

                Dictionary<string, ReadResult> results = await mount.ReadAsync(image, image.Files.Keys);
                if (results.ContainsValue(ReadResult.Failed)) failed++;
                else right++;
                proxy.Always = null;
                await mount.ReadAllRightAsync(image);
                Assert.DoesNotContain("internal error", string.Join('\n', mount.Log) + damage, StringComparison.Ordinal);
                await mount.UnmountAsync();
            }
        }

        Assert.True(refused > 0 && failed > 0 && right > 0, $"{refused} refused, {failed} failed, {right} right: the seed should show all three");
    }

    private async Task FillAsync(Places places, FaultProxy proxy, MountForm form)
    {
        await using LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(form, proxy.Authority));
        await mount.ReadAllRightAsync(image);
        await mount.UnmountAsync();
    }
}
