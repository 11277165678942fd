using Sluice.Formats;

namespace Sluice.Node.Admin;

/// <summary>Images.</summary>
public sealed partial class AdminClient
{
    /// <summary>Registers an image with containerd; see <see cref="PullRequest"/>.</summary>
    /// <exception cref="SluiceException">No daemon listens, or what the daemon says went wrong.</exception>
    /// <exception cref="InvalidOperationException">The daemon met a defect of its own.</exception>
    public Task<PulledImage> PullAsync(PullRequest request, CancellationToken cancellation) => PostAsync("/v1/pull", request.Write, PulledImage.Parse, cancellation);

    /// <summary>Makes an image of a container; see <see cref="CommitRequest"/>.</summary>
    /// <inheritdoc cref="PullAsync"/>
    public Task<CommittedImage> CommitAsync(CommitRequest request, CancellationToken cancellation) => PostAsync("/v1/commit", request.Write, CommittedImage.Parse, cancellation);
}
