using Sluice.Formats;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Tests.Support;
using Sluice.Testing;

namespace Sluice.Kernel.Tests.Mounts;

public sealed class KernelFeaturesTests
{
    private static readonly KernelFeatures Full = new(new Version(6, 18), true, true, true, true, true, true, true, true);

    [Theory]
    [InlineData("6.18.44-fc-v595", 6, 18)]
    [InlineData("5.15.0", 5, 15)]
    [InlineData("7.0-rc3", 7, 0)]
    [InlineData("6", 6, 0)]
    [InlineData("odd", 0, 0)]
    public void Releases_are_read(string release, int major, int minor) => Assert.Equal(new Version(major, minor), KernelFeatures.VersionOf(release));

    [Fact]
    public void The_probe_tries_a_mount_and_leaves_nothing()
    {
        Root.Required();
        using var directory = new TemporaryDirectory();
        KernelFeatures features = KernelFeatures.Probe(directory.Path);
        Assert.True(features is { IsRoot: true, Fuse: true, Version.Major: > 4 });
        if (features.Version >= new Version(6, 12) && features.Erofs) Assert.True(features.ErofsFromFiles);
        Assert.Empty(Directory.GetFileSystemEntries(directory.Path));
    }

    [Fact]
    public void What_is_missing_is_said_with_what_to_do()
    {
        Full.Require(onLoop: false);
        Assert.Contains("root", Hint(Full with { IsRoot = false }), StringComparison.Ordinal);
        Assert.Contains("modprobe fuse", Hint(Full with { Fuse = false }), StringComparison.Ordinal);
        Assert.Contains("modprobe erofs", Hint(Full with { Erofs = false }), StringComparison.Ordinal);
        Assert.Contains("mount.mode: loop", Hint(Full with { ErofsFromFiles = false }), StringComparison.Ordinal);
        Assert.Contains("modprobe overlay", Hint(Full with { Overlay = false }), StringComparison.Ordinal);
        (Full with { ErofsFromFiles = false }).Require(onLoop: true);
        Assert.Contains("modprobe loop", Hint(Full with { Loop = false }, onLoop: true), StringComparison.Ordinal);
    }

    private static string Hint(KernelFeatures features, bool onLoop = false)
    {
        SluiceException missing = Assert.Throws<SluiceException>(() => features.Require(onLoop));
        Assert.Equal(SluiceError.Kernel, missing.Error);
        return missing.Hint!;
    }
}
