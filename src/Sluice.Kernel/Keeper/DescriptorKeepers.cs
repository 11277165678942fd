using Sluice.Formats;

namespace Sluice.Kernel.Keeper;

/// <summary>Finds the keeper of this process.</summary>
public static class DescriptorKeepers
{
    /// <summary>
    /// To be called before other processes are started, which would inherit what the service manager has passed. Null where nobody is to keep anything.
    /// </summary>
    /// <param name="options">Which one.</param>
    /// <param name="log">Takes warnings.</param>
    /// <param name="cancellation">Ends the wait for a keeper that starts.</param>
    /// <exception cref="SluiceException">The keeper that was asked for can't be reached or started.</exception>
    public static async Task<IDescriptorKeeper?> OpenAsync(KeeperOptions options, Action<string> log, CancellationToken cancellation = default)
    {
        switch (options.Kind)
        {
            case KeeperKind.None:
                return null;
            case KeeperKind.ServiceManager when !ServiceManager.IsPresent:
                throw new SluiceException(SluiceError.Configuration, "keeper", "there is no service manager that keeps descriptors", "run it as a systemd service with FileDescriptorStoreMax=, or choose keeper: process");
            case KeeperKind.ServiceManager:
            case KeeperKind.Auto when ServiceManager.IsPresent && ServiceManager.DescriptorLimit > 0 && !KeeperProcess.IsRunning(options.State):
                return new ServiceManagerKeeper();
            default:
                return await KeeperProcess.ConnectOrStartAsync(options, log, cancellation);
        }
    }
}
