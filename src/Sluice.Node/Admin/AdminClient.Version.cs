using Sluice.Formats;

namespace Sluice.Node.Admin;

/// <summary>Who answers.</summary>
public sealed partial class AdminClient
{
    /// <summary>The daemon's version.</summary>
    /// <exception cref="SluiceException">No daemon listens, or it is too old to say.</exception>
    internal Task<string> VersionAsync(CancellationToken cancellation) => GetAsync("/v1/status", body => AdminJson.Text(body, "version"), cancellation);
}
