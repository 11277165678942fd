using Sluice.Formats.Oci;
using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Node.Policies;
using Sluice.Storage.Images;
using Sluice.Storage.Traces;

namespace Sluice.Node.Tests.Policies;

public sealed class PullDecisionTests
{
    private const string Image = "r.example/shop/web:v1";

    private static readonly ImagePolicy Auto = new("*", PullPolicy.Auto);
    private static readonly ImageFacts Ordinary = new(ImageKind.Ordinary, 300_000_000);
    private static readonly ImageFacts Rafs = new(ImageKind.Rafs, 300_000_000);
    private static readonly LinkFacts Fast = new("registry r.example", 100e6, 0.001);

    [Theory]
    [InlineData(PullPolicy.Lazy, PullMode.Lazy)]
    [InlineData(PullPolicy.Eager, PullMode.Eager)]
    public void A_rule_decides_whatever_is_known(PullPolicy policy, PullMode mode)
    {
        foreach (ImageFacts image in (ImageFacts[])[Ordinary, Rafs])
        {
            PullChoice choice = PullDecision.Choose([new ImagePolicy("r.example/shop/*", policy)], Image, image, Fast, null);
            Assert.Equal(mode, choice.Mode);
            Assert.Equal([PullReasons.Rule], Ids(choice));
            Assert.Contains("r.example/shop/*", choice.Reasons[0].What, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_first_rule_that_matches_counts()
    {
        ImagePolicy[] policies = [new("other/*", PullPolicy.Eager), new("*/web:*", PullPolicy.Lazy), new("*", PullPolicy.Eager)];
        Assert.Equal(PullMode.Lazy, PullDecision.Choose(policies, Image, Ordinary, Fast, null).Mode);
        Assert.Equal(PullMode.Eager, PullDecision.Choose(policies, "r.example/shop/db:v1", Rafs, Fast, null).Mode);
    }

    [Fact]
    public void Without_a_rule_images_come_lazily()
    {
        foreach (ImageFacts image in (ImageFacts[])[Ordinary, Rafs])
        {
            PullChoice choice = PullDecision.Choose([], Image, image, new LinkFacts("r", 100e6, 0.100), null);
            Assert.Equal(PullMode.Lazy, choice.Mode);
            Assert.Equal([PullReasons.NoRule], Ids(choice));
        }
    }

    [Fact]
    public void Ordinary_layers_are_left_to_containerd()
    {
        PullChoice choice = PullDecision.Choose([Auto], Image, Ordinary, Fast, null);
        Assert.Equal(PullMode.Lazy, choice.Mode);
        Assert.Equal([PullReasons.Rule, PullReasons.OrdinaryLayers], Ids(choice));
    }

    [Fact]
    public void Of_an_unknown_link_nothing_is_hoped()
    {
        foreach (LinkFacts link in (LinkFacts[])[new(), new("r", 1e6), new("r", null, 0.01), new("r", 0, 0.01)])
        {
            PullChoice choice = PullDecision.Choose([new ImagePolicy("*", PullPolicy.Auto)], Image, Rafs, link, null);
            Assert.Equal(PullMode.Lazy, choice.Mode);
            Assert.Equal([PullReasons.Rule, PullReasons.NoTrace, PullReasons.LinkUnknown], Ids(choice));
        }
    }

    /// <summary>A start of 300 MB without a trace: 30 MB in 229 reads, one after the other.</summary>
    [Theory]
    [InlineData(100e6, 0.001, PullMode.Lazy)] // 0.3 + 0.2 s, against 3 s
    [InlineData(100e6, 0.100, PullMode.Eager)] // 0.3 + 22.9 s, against 3.1 s
    [InlineData(1e6, 0.100, PullMode.Lazy)] // 30 + 22.9 s, against 300 s
    public void Round_trips_are_weighed_against_the_rest_of_the_image(double bytesPerSecond, double roundTrip, PullMode mode)
    {
        PullChoice choice = PullDecision.Choose([Auto], Image, Rafs, new LinkFacts("r", bytesPerSecond, roundTrip), null);
        Assert.Equal(mode, choice.Mode);
        Assert.Equal(mode == PullMode.Eager ? PullReasons.WholeIsFaster : PullReasons.StartIsFaster, choice.Reasons[^1].Id);
    }

    [Fact]
    public void With_a_trace_round_trips_hardly_count()
    {
        LinkFacts far = new("r", 100e6, 0.100);
        PullChoice choice = PullDecision.Choose([Auto], Image, Rafs, far, new StartFacts(90_000_000, 40, 30_000_000));
        Assert.Equal(PullMode.Lazy, choice.Mode);
        Assert.Equal([PullReasons.Rule, PullReasons.TraceKnown, PullReasons.StartIsFaster], Ids(choice));
        Assert.Equal(PullMode.Eager, PullDecision.Choose([Auto], Image, Rafs, far, new StartFacts(900_000_000, 400, 290_000_000)).Mode); // it reads nearly all
    }

    /// <summary>What travels is weighed, on both sides: nodejs reads 106 MB at its start, which are 34.5 of 128.5 MB compressed. Uncompressed it would look like nearly all of the image.</summary>
    [Fact]
    public void The_start_counts_as_it_travels()
    {
        ImageFacts nodejs = new(ImageKind.Rafs, 128_500_000);
        StartFacts start = new(106_000_000, 64, 34_500_000);
        PullChoice choice = PullDecision.Choose([Auto], Image, nodejs, new LinkFacts("r", 90e6, 0.050), start); // 0.38 + 0.4 s, against 1.43 + 0.05 s
        Assert.Equal(PullMode.Lazy, choice.Mode);
        Assert.Contains("34.5 MB", choice.Reasons[1].What, StringComparison.Ordinal);
        Assert.Equal(PullMode.Eager, PullDecision.Choose([Auto], Image, nodejs, new LinkFacts("r", 90e6, 0.200), start).Mode); // 0.38 + 1.6 s, against 1.43 + 0.2 s
    }

    [Fact]
    public void What_travels_is_known_from_the_images_blobs()
    {
        Digest blob = Digest.Sha256("blob"u8), other = Digest.Sha256("other"u8);
        StartTrace trace = new(Digest.Sha256("image"u8), [Read(blob, 0), Read(blob, 4 << 20), Read(other, 0)]);
        BlockStackLayer[] layers = [new(blob, Size: 25 << 20, PayloadOffset: 0, Length: 100 << 20, ZFile: null)];
        LocalImage here = new(new ImageRecord("docker://" + Image, trace.Manifest, blob, new Dictionary<string, long>()), "", new BlockContent(new BlockStack(layers, default)));
        Assert.Equal(new StartFacts(9_000_000, 3, (3_000_000 / 4 * 2) + 1_000_000), StartFacts.Of(trace, here)); // of the other blob nothing is known
        Assert.Equal(new StartFacts(9_000_000, 3, 3_000_000), StartFacts.Of(trace, null));

        static TraceRead Read(Digest blob, long offset) => new(blob, offset, 3_000_000, TimeSpan.Zero, WasHere: false);
    }

    private static IEnumerable<string> Ids(PullChoice choice) => choice.Reasons.Select(reason => reason.Id);
}
