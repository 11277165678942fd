using System.Diagnostics;
using Sluice.Build.Tests.Support;
using Sluice.Build.Unpack;

namespace Sluice.Build.Tests.Unpack;

/// <summary>Conversion, check and unpacking as a user without any rights. Under root the test runs itself again as nobody.</summary>
[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public class UnprivilegedTests
{
    [Fact]
    public async Task Everything_works_without_privileges()
    {
        if (Environment.IsPrivilegedProcess)
        {
            RunAsNobody();
            return;
        }

        await using var workshop = new Workshop();
        await Samples.Everything().StoreAsync(workshop.Source, "a");
        await workshop.ConvertAsync();
        Assert.True((await workshop.CheckAsync()).Same);
        string directory = workshop.File("out");
        UnpackResult result = await new DirectoryUnpacker(await UnpackTests.OpenAsync(workshop.Destination), directory).RunAsync(CancellationToken.None);
        Assert.Contains(result.Warnings, w => w.StartsWith("the owner could not be set", StringComparison.Ordinal));
        Assert.Contains(result.Warnings, w => w.StartsWith("only root can make devices", StringComparison.Ordinal));
        Assert.Contains(result.Warnings, w => w.Contains("security.capability", StringComparison.Ordinal));
        byte[] tool = await File.ReadAllBytesAsync(Path.Combine(directory, "usr/bin/tool2"));
        Assert.Equal(Samples.Bytes(70_001, 1), tool);
        UnixFileMode mode = File.GetUnixFileMode(Path.Combine(directory, "usr/bin/tool"));
        Assert.False(mode.HasFlag(UnixFileMode.SetUser)); // it would be setuid of the wrong user
        Assert.True(mode.HasFlag(UnixFileMode.UserExecute));
    }

    private static void RunAsNobody()
    {
        if (!File.Exists("/usr/bin/setpriv")) Assert.Skip("setpriv is not installed");
        var start = new ProcessStartInfo("/usr/bin/setpriv") { RedirectStandardOutput = true };
        foreach (string argument in new[] { "--reuid=65534", "--regid=65534", "--clear-groups", Environment.ProcessPath!, "-class", typeof(UnprivilegedTests).FullName!, "-noLogo" })
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["HOME"] = "/nonexistent";
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, output);
        Assert.Contains("Failed: 0", output, StringComparison.Ordinal);
    }
}
