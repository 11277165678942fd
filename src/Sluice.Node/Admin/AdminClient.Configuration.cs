using Sluice.Formats;
using Sluice.Node.Configuration;

namespace Sluice.Node.Admin;

/// <summary>Configuration.</summary>
public sealed partial class AdminClient
{
    /// <summary>Has the daemon read its configuration again.</summary>
    /// <exception cref="SluiceException">No daemon listens, or the configuration is wrong: then the old one holds.</exception>
    /// <exception cref="InvalidOperationException">The daemon met a defect of its own.</exception>
    public Task<ReloadedConfiguration> ReloadAsync(CancellationToken cancellation) => PostAsync("/v1/reload", writer => writer.WriteNullValue(), ReloadedConfiguration.Parse, cancellation);
}
