using System.Globalization;
using Sluice.Node.Configuration;

namespace Sluice.Node.Policies;

/// <summary>Chooses how an image comes here. Depends on nothing but what it is given.</summary>
internal static class PullDecision
{
    /// <summary>Of an image whose starts nobody has seen: a container reads about 6 % of its image while it starts, and neighbours come along.</summary>
    private const double StartShare = 0.1;

    /// <summary>Bytes that a read without a trace brings: what the fetcher makes of a miss. Such reads come one after the other.</summary>
    private const int BytesPerMiss = 128 << 10;

    /// <summary>Requests of a trace's plan that are under way together.</summary>
    private const int Together = 8;

    /// <summary>By the first of <paramref name="policies"/> that matches, and where that says <see cref="PullPolicy.Auto"/>, by what is known; without one, lazily.</summary>
    /// <param name="reference">Name of the image.</param>
    /// <param name="start">Null: no start is known.</param>
    public static PullChoice Choose(IReadOnlyList<ImagePolicy> policies, string reference, ImageFacts image, LinkFacts link, StartFacts? start)
    {
        ImagePolicy? rule = policies.FirstOrDefault(policy => policy.Matches(reference));
        List<PullReason> reasons = [rule is null
            ? new PullReason(PullReasons.NoRule, "no pattern of `policies` matches: lazy")
            : new PullReason(PullReasons.Rule, $"`policies` says {Name(rule.Policy)} for {rule.Pattern}")];
        PullMode mode = (rule?.Policy ?? PullPolicy.Lazy) switch
        {
            PullPolicy.Lazy => PullMode.Lazy,
            PullPolicy.Eager => PullMode.Eager,
            _ => Compare(image, link, start, reasons),
        };
        return new PullChoice(rule, mode, reasons);
    }

    /// <summary>The word in the configuration.</summary>
    public static string Name(PullPolicy policy) => policy.ToString().ToLowerInvariant();

    private static PullMode Compare(ImageFacts image, LinkFacts link, StartFacts? start, List<PullReason> reasons)
    {
        if (image.Kind == ImageKind.Ordinary)
        {
            reasons.Add(new PullReason(PullReasons.OrdinaryLayers, "its layers are ordinary: containerd brings them, and keeps their blobs"));
            return PullMode.Lazy;
        }

        double needed = start is null ? image.Bytes * StartShare : Math.Min(start.CompressedBytes, image.Bytes);
        double trips = start is null ? Math.Ceiling(needed / BytesPerMiss) : Math.Ceiling((double)start.Requests / Together);
        reasons.Add(start is null
            ? new PullReason(PullReasons.NoTrace, $"no start of it is known: one is taken to read {Megabytes(needed)} of {Megabytes(image.Bytes)}")
            : new PullReason(PullReasons.TraceKnown, $"an earlier start read {Megabytes(start.Bytes)}, which travel as {Megabytes(start.CompressedBytes)} in {start.Requests} requests; the image has {Megabytes(image.Bytes)}, compressed"));
        if (link is not { BytesPerSecond: > 0 and var rate, RoundTripSeconds: { } trip })
        {
            reasons.Add(new PullReason(PullReasons.LinkUnknown, "too little came from its source lately to tell how fast that is"));
            return PullMode.Lazy;
        }

        double lazy = (needed / rate) + (trips * trip), eager = (image.Bytes / rate) + trip;
        bool isEager = eager <= lazy;
        reasons.Add(new PullReason(
            isEager ? PullReasons.WholeIsFaster : PullReasons.StartIsFaster,
            string.Create(CultureInfo.InvariantCulture, $"at {Megabytes(rate)}/s and {1000 * trip:0.0} ms a round trip, what a start needs takes {lazy:0.00} s, all of it {eager:0.00} s")));
        return isEager ? PullMode.Eager : PullMode.Lazy;
    }

    private static string Megabytes(double bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB");
}
