using Microsoft.Extensions.Logging;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Ordinary;
using Sluice.Formats.Oci;
using Sluice.Node.Configuration;
using Sluice.Node.Policies;

namespace Sluice.Node.Images;

/// <summary>
/// The node's side of ordinary images: those whose policy is eager it brings by itself. Whatever goes wrong is said in the log and left to containerd, so that no pull fails that would not fail without
/// this.
/// </summary>
internal sealed partial class OrdinaryImages : IOrdinaryLayers, IAsyncDisposable
{
    /// <summary>Layers that nobody has asked for so long are of a pull that was given up.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly NodeOptions _options;
    private readonly PullPolicies _policies;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _slots = new(Math.Max(4, Environment.ProcessorCount));
    private readonly Dictionary<Digest, (OrdinaryPull Pull, ITimer Patience)> _pulls = [];
    private readonly Dictionary<Digest, string> _failures = [];
    private bool _isOver;

    public OrdinaryImages(NodeOptions options, PullPolicies policies, ILogger logger, TimeProvider time)
    {
        (_options, _policies, _logger, _time) = (options, policies, logger, time);
        OrdinaryLayer.Remove(options.LayersDirectory); // of a process that was killed
    }

    public async Task<IOrdinaryLayer?> FindAsync(IReadOnlyDictionary<string, string> labels, CancellationToken cancellation)
    {
        if (!labels.TryGetValue(SnapshotLabels.Reference, out string? chain) || !labels.TryGetValue(SnapshotLabels.ImageReference, out string? reference)
            || !Digest.TryParse(labels.GetValueOrDefault(SnapshotLabels.ManifestDigest, ""), out Digest manifest)) return null;
        if (_policies.Of(reference) != PullPolicy.Eager || Enter(manifest, reference) is not { } pull) return null;
        try
        {
            return await pull.TakeAsync(chain, cancellation);
        }
        finally
        {
            pull.Leave();
            await EndAsync(manifest, pull, anyway: false);
        }
    }

    /// <summary>Why a layer of an image was left to containerd; null: none was. Asked for once.</summary>
    public string? TakeFailure(Digest manifest)
    {
        lock (_pulls) return _failures.Remove(manifest, out string? reason) ? reason : null;
    }

    /// <summary>A pull has been given up.</summary>
    public async Task ForgetAsync(Digest manifest)
    {
        OrdinaryPull? pull;
        lock (_pulls) pull = _pulls.TryGetValue(manifest, out (OrdinaryPull Pull, ITimer) known) ? known.Pull : null;
        if (pull is not null) await EndAsync(manifest, pull, anyway: true);
    }

    /// <summary>Whoever waits for a layer is told at once to leave it to containerd.</summary>
    public async ValueTask DisposeAsync()
    {
        (OrdinaryPull Pull, ITimer Patience)[] all;
        lock (_pulls)
        {
            (all, _isOver) = ([.. _pulls.Values], true);
            _pulls.Clear();
        }

        foreach ((OrdinaryPull pull, ITimer patience) in all)
        {
            await patience.DisposeAsync();
            await pull.DisposeAsync();
        }
    }

    /// <summary>Null: the node stops.</summary>
    private OrdinaryPull? Enter(Digest manifest, string reference)
    {
        lock (_pulls)
        {
            if (_isOver) return null;
            if (_pulls.TryGetValue(manifest, out (OrdinaryPull Pull, ITimer Patience) known) && known.Pull.TryEnter())
            {
                known.Patience.Change(Patience, Timeout.InfiniteTimeSpan);
                return known.Pull;
            }

            Directory.CreateDirectory(_options.LayersDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            _failures.Remove(manifest);
            var pull = new OrdinaryPull(
                cancellation => OrdinaryPlan.MakeAsync(manifest, reference, _options.Sources, cancellation), _slots, _options.LayersDirectory, (layer, reason) => Failed(manifest, reference, layer, reason));
            pull.TryEnter();
            _pulls[manifest] = (pull, _time.CreateTimer(_ => _ = EndAsync(manifest, pull, anyway: true), null, Patience, Timeout.InfiniteTimeSpan));
            return pull;
        }
    }

    /// <summary>Ends a pull that nobody waits for. Where somebody does, he does it.</summary>
    private async Task EndAsync(Digest manifest, OrdinaryPull pull, bool anyway)
    {
        ITimer? patience = null;
        lock (_pulls)
        {
            if (!pull.TryEnd(anyway) || !_pulls.TryGetValue(manifest, out (OrdinaryPull Pull, ITimer Patience) known) || known.Pull != pull) return;
            patience = known.Patience;
            _pulls.Remove(manifest);
        }

        await patience.DisposeAsync();
        await pull.DisposeAsync();
    }

    private void Failed(Digest manifest, string reference, Digest? layer, string reason)
    {
        lock (_pulls) _failures[manifest] = reason;
        if (layer is { } one) Log.LayerLeft(_logger, reference, one.ToString(), reason);
        else Log.ImageLeft(_logger, reference, reason);
    }

    private static partial class Log
    {
        [LoggerMessage(170, LogLevel.Warning, "{Image}: layer {Layer} is left to containerd: {Reason}")]
        public static partial void LayerLeft(ILogger logger, string image, string layer, string reason);

        [LoggerMessage(171, LogLevel.Warning, "{Image}: its layers are left to containerd: {Reason}")]
        public static partial void ImageLeft(ILogger logger, string image, string reason);
    }
}
