using Sluice.EndToEnd.Harness;
using Sluice.Testing;

namespace Sluice.EndToEnd.Faults;

/// <summary>A registry that takes requests and never answers, below an image that is mounted: each read ends by the image's own deadline, and nobody is left waiting in the kernel.</summary>
[Collection(FaultCollection.Name)]
public sealed class StalledRegistryTests(FaultImage image)
{
    /// <summary>Of the image; all others have ten minutes.</summary>
    private const int Deadline = 2;

    [Theory]
    [InlineData(MountForm.RafsFile)]
    [InlineData(MountForm.RafsLoop)]
    [InlineData(MountForm.OverlayBd)]
    public async Task Reads_end_by_the_deadline_of_the_image_and_nobody_hangs(MountForm form)
    {
        LazyMount.SkipIfImpossible();
        bool stalls = false;
        await using FaultProxy proxy = new(image.Registry.Address);
        proxy.Always = request => stalls && request.Path.Contains("/blobs/", StringComparison.Ordinal) ? new Fault(FaultKind.Silence) : null;
        using Places places = new();
        await File.WriteAllTextAsync(places.Config, $"fetch:\n  deadline_seconds: 600\n  deadlines:\n    \"other/*\": 500\n    \"{proxy.Authority}/app*\": {Deadline}\n");
        await using LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(form, proxy.Authority));
        await mount.ReadAsync(image, [image.Names[0]]);
        stalls = true;

        // One reader a file, so that a read waits for nothing but itself. They end long before the deadline of other images, or the helper calls them hanging.
        string[] unread = [.. image.Names.Where(name => name != image.Names[0])];
        Dictionary<string, ReadResult>[] results = await Task.WhenAll(unread.Select(name => mount.ReadAsync(image, [name])));
        Assert.Contains(results, result => result.ContainsValue(ReadResult.Failed));
        await mount.LoggedAsync($"registry {proxy.Authority}");

        stalls = false;
        await mount.ReadAllRightAsync(image);
        await mount.UnmountAsync();
    }
}
