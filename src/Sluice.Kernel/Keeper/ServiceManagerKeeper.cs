using System.Text;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

/// <summary>
/// The service manager as keeper (<c>FileDescriptorStoreMax=</c>). It gives back what it holds at the start of the service only, so that is the answer of the first
/// <see cref="Take"/>; there is nobody who answers for a daemon that stays away. Until systemd 254 it lets go of everything when the service is stopped; a restart keeps it.
/// </summary>
public sealed class ServiceManagerKeeper : IDescriptorKeeper
{
    /// <summary>Names of ours, among those of other descriptors that the manager may pass (sockets).</summary>
    private const string Prefix = "sluice.";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, FuseDescriptor> _passed = new(StringComparer.Ordinal);

    /// <summary>Takes what the manager has passed to this process.</summary>
    public ServiceManagerKeeper()
    {
        foreach ((string name, int descriptor) in ServiceManager.Passed())
        {
            if (!name.StartsWith(Prefix, StringComparison.Ordinal) || !FuseDevice.Is(descriptor)) continue;
            var passed = FuseDescriptor.Adopt(descriptor);
            if (_passed.Remove(name[Prefix.Length..], out FuseDescriptor? older)) older.Dispose();
            _passed.Add(name[Prefix.Length..], passed);
        }
    }

    public void Keep(string name, FuseDescriptor descriptor)
    {
        string stored = Stored(name);
        lock (_gate)
        {
            // It would keep several of one name. Messages of one process are taken in order.
            ServiceManager.Notify($"FDSTOREREMOVE=1\nFDNAME={stored}");
            // Not polled: with it, the manager would wake at each request of the connection.
            ServiceManager.Notify($"FDSTORE=1\nFDNAME={stored}\nFDPOLL=0", descriptor);
        }
    }

    public void Release(string name)
    {
        string stored = Stored(name);
        lock (_gate)
        {
            ServiceManager.Notify($"FDSTOREREMOVE=1\nFDNAME={stored}");
            if (_passed.Remove(name, out FuseDescriptor? passed)) passed.Dispose();
        }
    }

    public IReadOnlyDictionary<string, FuseDescriptor> Take()
    {
        lock (_gate)
        {
            var taken = new Dictionary<string, FuseDescriptor>(_passed, StringComparer.Ordinal);
            _passed.Clear();
            return taken;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (FuseDescriptor passed in _passed.Values) passed.Dispose();
            _passed.Clear();
        }
    }

    private static string Stored(string name) => Encoding.ASCII.GetString(DescriptorName.Encode(Prefix + name));
}
