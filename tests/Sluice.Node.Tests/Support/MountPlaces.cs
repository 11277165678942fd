using Sluice.Kernel.Mounts;
using Sluice.Testing;

namespace Sluice.Node.Tests.Support;

/// <summary>A temporary directory below which things are mounted; skips the test where that is not allowed, and unmounts in the end.</summary>
internal sealed class MountPlaces : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public MountPlaces()
    {
        if (!Environment.IsPrivilegedProcess || !File.Exists("/dev/fuse")) Assert.Skip("needs root and /dev/fuse");
    }

    public string Of(string name) => _directory.File(name);

    public void Dispose()
    {
        foreach (MountEntry entry in MountTable.Below(_directory.Path)) MountCalls.Detach(entry.MountPoint);
        _directory.Dispose();
    }
}
