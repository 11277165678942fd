using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Node.Starts;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Storage.Traces;

namespace Sluice.Node.Policies;

/// <summary><c>sluice policy explain</c>: says how an image would come here, and changes nothing.</summary>
public sealed class PolicyExplainer
{
    /// <summary>For the manifest: who asks waits for the answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(8);

    private readonly SourceOptions _sources;
    private readonly PullPolicies _policies;
    private readonly StartTraces _traces;
    private readonly LocalImages _local;

    internal PolicyExplainer(SourceOptions sources, PullPolicies policies, StartTraces traces, LocalImages local) => (_sources, _policies, _traces, _local) = (sources, policies, traces, local);

    /// <summary>Of a node without a daemon: of its links nothing is known.</summary>
    public PolicyExplainer(NodeOptions options)
        : this(options.Sources, new PullPolicies(options.Policies, options.Prefetch.IsOn), new StartTraces(new TraceStore(options.TracesDirectory)), new LocalImages(options.ImagesDirectory))
    {
    }

    /// <param name="platform">To choose from an index; null: this machine's.</param>
    /// <exception cref="SluiceException">The image's manifest can't be had.</exception>
    public async Task<PullExplanation> ExplainAsync(string image, string? platform, CancellationToken cancellation)
    {
        ImageReference reference = ImageReference.Parse(image);
        if (reference.Transport != ImageTransport.Registry) throw new SluiceException(SluiceError.Usage, image, "containerd pulls from registries only", "name it HOST/REPO:TAG");
        Platform wanted = platform is null ? Platform.Host : Platform.Parse(platform);
        await using IImageStore store = Open();
        StoredImage found = await SourceDeadline.AskAsync(
            Patience, store, $"the manifest of {reference}", token => ImageResolver.ResolveAsync(store, reference.TagOrDigest, wanted, preferAccelerated: true, token), cancellation);
        Digest manifest = found.Stored.Digest;
        StartTrace? trace = await _traces.LookUpAsync(manifest, Open, cancellation);
        return _policies.Choose(ContainerdNames.Of(reference), manifest, ImageFacts.Of(found), store, trace is null ? null : StartFacts.Of(trace, _local.Load(manifest)));

        IImageStore Open() => ImageStores.Open(reference, _sources);
    }
}
