using System.Text.Json;
using Sluice.Formats;
using Sluice.Node.Explain;

namespace Sluice.Node.Admin;

/// <summary>Why a start took its time.</summary>
public sealed partial class AdminClient
{
    /// <exception cref="SluiceException">No daemon listens, nobody knows the name, or what else the daemon says went wrong.</exception>
    /// <exception cref="InvalidOperationException">The daemon met a defect of its own.</exception>
    public Task<Explanation> ExplainAsync(ExplainRequest request, CancellationToken cancellation) =>
        GetAsync(request.Path, body => body.Deserialize(ExplainJson.Default.Explanation), cancellation);
}
