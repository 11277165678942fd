using Sluice.Formats;

namespace Sluice.Node.Admin;

/// <summary>The daemon itself.</summary>
public sealed partial class AdminClient
{
    /// <summary>The process that answers.</summary>
    /// <exception cref="SluiceException">No daemon listens, or what the daemon says went wrong.</exception>
    public Task<DaemonProcess> FindProcessAsync(CancellationToken cancellation) => GetAsync("/v1/process", DaemonProcess.Parse, cancellation);

    /// <summary>Has the daemon end; it has not yet when this completes.</summary>
    /// <inheritdoc cref="FindProcessAsync"/>
    public Task<DaemonProcess> StopAsync(StopRequest request, CancellationToken cancellation) => AtOnceAsync(limit => PostAsync("/v1/stop", request.Write, DaemonProcess.Parse, limit), cancellation);

    /// <summary>Has the daemon start its successor; that takes over when it is ready to.</summary>
    /// <inheritdoc cref="FindProcessAsync"/>
    public Task<DaemonProcess> UpgradeAsync(UpgradeRequest request, CancellationToken cancellation) => AtOnceAsync(limit => PostAsync("/v1/upgrade", request.Write, DaemonProcess.Parse, limit), cancellation);
}
