using Sluice.Kernel.Mounts;

namespace Sluice.Node.Succession;

/// <summary>The record of one mount, as the mount itself sees it.</summary>
internal sealed class DescribedMount(MountDescription description, string key)
{
    /// <summary>It stands.</summary>
    public void Mounted(MountEntry mount) => description.Update(key, record => record with { Mount = MountIdentity.Of(mount) });

    /// <summary>A device stands that nobody here mounts.</summary>
    public void Attached(string device) => description.Update(key, record => record with { Device = device });

    /// <summary>It has gone, and its disks are not served any more.</summary>
    public void Removed() => description.Remove(key);
}
