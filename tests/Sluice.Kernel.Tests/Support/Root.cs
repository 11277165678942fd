namespace Sluice.Kernel.Tests.Support;

internal static class Root
{
    /// <summary>Skips the test where mounting is not allowed.</summary>
    public static void Required()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("needs root: mounts");
        if (!File.Exists("/dev/fuse")) Assert.Skip("needs /dev/fuse");
    }
}
