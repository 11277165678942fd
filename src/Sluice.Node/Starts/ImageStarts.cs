using Microsoft.Extensions.Logging;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats.Oci;
using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Node.Policies;
using Sluice.Storage.Activity;
using Sluice.Storage.Fetching;
using Sluice.Storage.Sources;
using Sluice.Storage.Traces;

namespace Sluice.Node.Starts;

/// <summary>
/// What is done for starts of images before their containers read: plans are followed from the pull on, and what policy wants whole is downloaded. Nobody waits for any of it, and nothing fails with it.
/// </summary>
internal sealed partial class ImageStarts(NodeOptions options, ImageMounter mounter, PullPolicies policies, ILogger logger) : IAsyncDisposable
{
    /// <summary>A container's snapshot is made before its image is mounted, which takes a while on a busy node. Others of the image there were none in that time.</summary>
    private static readonly TimeSpan MountPatience = TimeSpan.FromSeconds(20);

    /// <summary>The same where the image is mounted already: others may have started not long ago.</summary>
    private static readonly TimeSpan SnapshotPatience = TimeSpan.FromSeconds(2);

    private readonly EagerDownloads _downloads = new(logger);
    private readonly PulledPlans _pulled = new();
    private readonly ImageSources _sources = new(options.Sources);

    /// <summary>What starts of images have read.</summary>
    public StartTraces Traces { get; } = new(new TraceStore(options.TracesDirectory, reason => Log.Ignored(logger, reason)), reason => Log.Ignored(logger, reason));

    /// <summary>Knows with what containers are started; null: nobody does.</summary>
    public StartCommands? Commands { get; set; }

    /// <summary>An image that was pulled is probably started next: what it will read then comes while containerd is busy with the rest of the pull.</summary>
    public void BeginPlan(LazyImage image, LocalImage opened)
    {
        if (!options.Prefetch.IsOn) return;
        _pulled.Begin(image.Key.Manifest, () => PlanRun.Begin(
            image.Reference, cancellation => Traces.FindAsync(image.Key.Manifest, () => ReadIncludedAsync(image, opened, cancellation), waits: true), FetchAsync, former: null, logger));

        async Task FetchAsync(PrefetchRun run, CancellationToken cancellation)
        {
            await using IImageStore store = _sources.Open(opened.Record.Reference);
            await mounter.LendReadersAsync(opened, store, readers => _pulled.FollowAsync(run, readers, mounter.PrefetchRate, cancellation), cancellation);
        }
    }

    /// <summary>Begins the download of all of the image, if its policy is to.</summary>
    public void BeginDownload(LazyImage image, LocalImage opened)
    {
        if (policies.Of(image.Reference) == PullPolicy.Lazy) return;
        _downloads.Begin(image.Key.Manifest, image.Reference, async cancellation =>
        {
            await using IImageStore store = _sources.Open(opened.Record.Reference);
            StartTrace? trace = await Traces.FindAsync(image.Key.Manifest).WaitAsync(cancellation);
            PullExplanation chosen = policies.Choose(image.Reference, image.Key.Manifest, ImageFacts.Of(opened), store, trace is null ? null : StartFacts.Of(trace, opened));
            return chosen.Mode == PullMode.Eager ? await mounter.DownloadAsync(opened, store, cancellation) : null;
        });
    }

    /// <summary>Follows starts on a mount of an image.</summary>
    /// <param name="load">The image as it is on the local disk; null: it is not there any more.</param>
    /// <param name="readers">Of the mount.</param>
    public MountStarts Follow(LazyImage image, Func<LocalImage?> load, ImageActivity activity, IReadOnlyDictionary<Digest, BlobReader> readers) =>
        new(isFirst => Begin(image, load, activity, readers, isFirst));

    /// <summary>Ends what the pull of an image has begun, if it was not mounted since.</summary>
    public Task EndPlanAsync(Digest manifest) => _pulled.ForgetAsync(manifest);

    /// <summary>Ends the download of an image, if it has one.</summary>
    public Task EndDownloadAsync(Digest manifest) => _downloads.EndAsync(manifest);

    /// <summary>Ends all that was begun, but for what mounts have taken.</summary>
    public async ValueTask DisposeAsync()
    {
        await _downloads.DisposeAsync();
        await _pulled.DisposeAsync();
    }

    /// <summary>Goes on with what the pull has begun, or begins anew where that has found nothing, or is long ago.</summary>
    /// <param name="isFirst">Of the mount.</param>
    private ImageStart Begin(LazyImage image, Func<LocalImage?> load, ImageActivity activity, IReadOnlyDictionary<Digest, BlobReader> readers, bool isFirst)
    {
        Digest manifest = image.Key.Manifest;
        PlanRun? pulled = _pulled.Take(manifest);
        PlanRun plan = PlanRun.Begin(
            image.Reference,
            cancellation => Traces.FindAsync(manifest, () => pulled?.Found is { } found ? Task.FromResult<StartTrace?>(found) : ReadIncludedAsync(image, load(), cancellation)),
            (run, cancellation) => run.RunAsync(readers, mounter.PrefetchRate, mayEvict: true, cancellation), pulled, logger);
        DateTimeOffset since = DateTimeOffset.UtcNow - (isFirst ? MountPatience : SnapshotPatience);
        return new ImageStart(manifest, activity, plan, readers, FindCommandAsync, Keeps, Traces.TrySave, logger, isWarm: !isFirst);

        bool Keeps(StartTrace trace)
        {
            Traces.Count(trace);
            return policies.KeepsTraces(image.Reference);
        }

        async Task<StartCommand?> FindCommandAsync(CancellationToken cancellation)
        {
            if (Commands is null || await Commands.FindAsync(manifest, since, cancellation) is not { } command) return null;
            if (Traces.FindOf(manifest, command) is { } known) plan.Narrow(known);
            return command;
        }
    }

    /// <summary>What the image says itself that its start needs; null: nothing that could be used.</summary>
    private async Task<StartTrace?> ReadIncludedAsync(LazyImage image, LocalImage? opened, CancellationToken cancellation) => opened is null
        ? null
        : await IncludedStart.TryReadAsync(image.Reference, opened, () => _sources.FindAsync(image, opened.Record.Reference, cancellation), logger, cancellation);

    private static partial class Log
    {
        [LoggerMessage(155, LogLevel.Warning, "A trace counts as none: {Reason}")]
        public static partial void Ignored(ILogger logger, string reason);
    }
}
