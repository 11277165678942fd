using Sluice.Formats.Oci;
using Sluice.Node.Configuration;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Places;

namespace Sluice.Node.Policies;

/// <summary>How images come here, as the configuration says now. May be used concurrently.</summary>
/// <param name="isTraceOn">False: no start is noted, whatever the rules say.</param>
public sealed class PullPolicies(IReadOnlyList<ImagePolicy> first, bool isTraceOn = true)
{
    private volatile IReadOnlyList<ImagePolicy> _now = first;

    public void Apply(IReadOnlyList<ImagePolicy> policies) => _now = policies;

    /// <summary>What is set for an image; without a rule: lazily. That is all of it for an ordinary image, and where nothing needs to be known.</summary>
    public PullPolicy Of(string name) => _now.FirstOrDefault(policy => policy.Matches(name))?.Policy ?? PullPolicy.Lazy;

    /// <summary>True: what a start of the image reads is kept for the next one.</summary>
    public bool KeepsTraces(string name) => KeepsTraces(_now.FirstOrDefault(policy => policy.Matches(name)));

    /// <summary>Chooses by what the process knows of the image's source, and says how it came to that.</summary>
    /// <param name="name">The image's name.</param>
    /// <param name="store">Where the image comes from.</param>
    /// <param name="start">Null: no earlier one is known.</param>
    public PullExplanation Choose(string name, Digest manifest, ImageFacts image, IImageStore store, StartFacts? start)
    {
        LinkFacts link = LinkTo(store);
        PullChoice choice = PullDecision.Choose(_now, name, image, link, start);
        return new PullExplanation(
            name, manifest.ToString(), choice.Rule?.Pattern, PullDecision.Name(choice.Rule?.Policy ?? PullPolicy.Lazy), image, link, start, choice.Mode, choice.Reasons, KeepsTraces(choice.Rule));
    }

    private bool KeepsTraces(ImagePolicy? rule) => isTraceOn && rule?.Trace != false;

    /// <summary>Of the place that is asked first.</summary>
    private static LinkFacts LinkTo(IImageStore store)
    {
        SourcePlace? place = store.Sources.Select(source => source.Place).FirstOrDefault(place => place is { IsResting: false });
        return place is null ? new LinkFacts(store.Name) : new LinkFacts(place.Name, place.Speed, place.Latency(bytes: 1)?.TotalSeconds);
    }
}
