using System.Text.Json;
using Sluice.Formats;
using Sluice.Node.Status;

namespace Sluice.Node.Admin;

/// <summary>Status.</summary>
public sealed partial class AdminClient
{
    /// <summary>How the node is.</summary>
    /// <exception cref="SluiceException">No daemon listens, or what the daemon says went wrong.</exception>
    /// <exception cref="InvalidOperationException">The daemon met a defect of its own.</exception>
    public Task<NodeStatus> StatusAsync(CancellationToken cancellation) => GetAsync("/v1/status", body => body.Deserialize(StatusJson.Default.NodeStatus), cancellation);

    /// <summary>What is known of each image.</summary>
    /// <inheritdoc cref="StatusAsync"/>
    public Task<ImageList> ImagesAsync(CancellationToken cancellation) => GetAsync("/v1/images", body => body.Deserialize(StatusJson.Default.ImageList), cancellation);
}
