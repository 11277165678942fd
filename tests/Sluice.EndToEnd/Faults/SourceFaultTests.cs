using System.Diagnostics;
using System.Text.RegularExpressions;
using Sluice.Testing;

namespace Sluice.EndToEnd.Faults;

/// <summary>
/// A registry that misbehaves while an image is mounted: now and then, then always, then no longer. What a process reads is
/// right or EIO with a log line; once the registry is well, everything is right.
/// </summary>
[Collection(FaultCollection.Name)]
public sealed class SourceFaultTests(FaultImage image, ITestOutputHelper output)
{
    /// <summary>In the second layer: no read-ahead of files of the first brings any of it.</summary>
    private const string Untouched = "file-09";

    public static TheoryData<MountForm, string, int> Rows()
    {
        TheoryData<MountForm, string, int> rows = [];
        for (int index = 0; index < FaultCatalog.Cases.Count; index++)
        {
            // One form each: the read path below the mounts is tried with all of them, and seeds, where that costs less (FaultTests of the storage).
            rows.Add(index % 2 == 0 ? MountForm.RafsFile : MountForm.OverlayBd, FaultCatalog.Cases[index].Name, 1);
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task ReadsAreRightOrEioAndRightAgainAfterwards(MountForm form, string name, int seed)
    {
        LazyMount.SkipIfImpossible();
        FaultCase kind = FaultCatalog.Get(name);
        Random random = new(seed);
        string[] names = [.. FaultImage.FirstLayer];
        random.Shuffle(names);
        using Places places = new();
        await using FaultProxy proxy = new(image.Registry.Address);
        await using FaultPlaces elsewhere = new(image.Registry.Address);
        await using LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(form, proxy.Authority));

        Fault Spoil()
        {
            lock (random) return kind.Make(random, elsewhere);
        }

        proxy.Always = request => IsBlob(request) && Chance(random, 0.3) ? Spoil() : null;
        Dictionary<string, ReadResult> sometimes = await mount.ReadAsync(image, names);

        proxy.Always = request => IsBlob(request) ? Spoil() : null;
        long started = Stopwatch.GetTimestamp();
        Dictionary<string, ReadResult> always = await mount.ReadAsync(image, [Untouched]);
        output.WriteLine($"{form} {name} {seed}: sometimes {sometimes.Values.Count(result => result == ReadResult.Right)} of {names.Length} files; always: {always[Untouched]} in {Stopwatch.GetElapsedTime(started).TotalSeconds:0.00} s");
        if (kind.Reason is null)
        {
            Assert.DoesNotContain(ReadResult.Failed, sometimes.Values.Concat(always.Values));
        }
        else if (!kind.MayDoNoHarm || always.ContainsValue(ReadResult.Failed))
        {
            Assert.Contains(ReadResult.Failed, always.Values);
            await mount.LoggedAsync($"blob sha256:.*registry {Regex.Escape(proxy.Authority)}.*({kind.Reason})");
        }

        proxy.Always = null;
        await mount.ReadAllRightAsync(image);
        await mount.UnmountAsync();
    }

    private static bool IsBlob(ProxyRequest request) => request.Path.Contains("/blobs/", StringComparison.Ordinal);

    private static bool Chance(Random random, double share)
    {
        lock (random) return random.NextDouble() < share;
    }
}
