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

    private const string Slow = "nothing came|no answer within|nothing within";

    /// <summary>Name, and what the log says when the fault does not go away; null where the fault does no harm.</summary>
    private static readonly (string Name, Func<Random, Fault> Make, string? Reason)[] Cases =
    [
        ("wrong bytes", _ => new Fault(FaultKind.WrongBytes), "wrong digest|does not decode"),
        ("truncated", random => new Fault(FaultKind.Truncate) { AfterBytes = random.Next(100) }, "breaks off|ends|prematurely"),
        ("reset", random => new Fault(FaultKind.Reset) { AfterBytes = random.Next(100) }, "reset|broke|prematurely"),
        ("range ignored", _ => new Fault(FaultKind.IgnoreRange), null),
        ("wrong length", _ => new Fault(FaultKind.WrongLength), "another range"),
        ("wrong range", _ => new Fault(FaultKind.WrongRange), "another range"),
        ("401", _ => Fault.Answer(401), "login required or refused"),
        ("403", _ => Fault.Answer(403), "access denied"),
        ("404", _ => Fault.Answer(404), "does not exist"),
        ("416", _ => Fault.Answer(416), "ends before the wanted range"),
        ("429 soon", _ => Fault.Answer(429, "1"), "too many requests"),
        ("429 late", _ => Fault.Answer(429, "600"), "too many requests"),
        ("500", _ => Fault.Answer(500), "status 500"),
        ("503", _ => Fault.Answer(503), "status 503"),
        ("stall", random => new Fault(FaultKind.Stall) { AfterBytes = random.Next(1000) }, Slow),
        ("silence", _ => new Fault(FaultKind.Silence), Slow),
        ("drip", random => new Fault(FaultKind.Drip) { AfterBytes = 1 + random.Next(3) }, Slow),
        ("late", random => new Fault(FaultKind.Delay) { Delay = TimeSpan.FromMilliseconds(random.Next(100)) }, null),
        ("redirect loop", _ => new Fault(FaultKind.RedirectLoop), "more than 5 redirects"),
    ];

    public static TheoryData<MountForm, string, int> Rows()
    {
        TheoryData<MountForm, string, int> rows = [];
        foreach ((string name, _, _) in Cases)
        {
            for (int seed = 1; seed <= 2; seed++) rows.Add(MountForm.RafsFile, name, seed);
            rows.Add(MountForm.OverlayBd, name, 1);
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task ReadsAreRightOrEioAndRightAgainAfterwards(MountForm form, string name, int seed)
    {
        LazyMount.SkipIfImpossible();
        (_, Func<Random, Fault> make, string? reason) = Cases.Single(entry => entry.Name == name);
        Random random = new(seed);
        string[] names = [.. FaultImage.FirstLayer];
        random.Shuffle(names);
        using Places places = new();
        await using FaultProxy proxy = new(image.Registry.Address);
        await using LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(form, proxy.Authority));

        proxy.Always = request => IsBlob(request) && Chance(random, 0.3) ? Spoil(random, make) : null;
        Dictionary<string, ReadResult> sometimes = await mount.ReadAsync(image, names);

        proxy.Always = request => IsBlob(request) ? Spoil(random, make) : null;
        long started = Stopwatch.GetTimestamp();
        Dictionary<string, ReadResult> always = await mount.ReadAsync(image, [Untouched]);
        output.WriteLine($"{form} {name} {seed}: sometimes {sometimes.Values.Count(result => result == ReadResult.Right)} of {names.Length} files; always: {always[Untouched]} in {Stopwatch.GetElapsedTime(started).TotalSeconds:0.00} s");
        if (reason is null)
        {
            Assert.DoesNotContain(ReadResult.Failed, sometimes.Values.Concat(always.Values));
        }
        else
        {
            Assert.Contains(ReadResult.Failed, always.Values);
            await mount.LoggedAsync($"blob sha256:.*registry {Regex.Escape(proxy.Authority)}.*({reason})");
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

    private static Fault Spoil(Random random, Func<Random, Fault> make)
    {
        lock (random) return make(random);
    }
}
