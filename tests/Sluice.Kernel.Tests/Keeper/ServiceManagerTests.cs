using System.Globalization;
using System.IO.Pipes;
using Sluice.Kernel.Keeper;

namespace Sluice.Kernel.Tests.Keeper;

public sealed class ServiceManagerTests
{
    /// <summary>The last writer of a pipe has gone when what was passed is closed.</summary>
    [Fact]
    public void What_the_manager_passed_is_closed_once_and_only_by_whom_it_was_meant_for()
    {
        using var reader = new AnonymousPipeServerStream(PipeDirection.In);
        int passed = (int)reader.ClientSafePipeHandle.DangerousGetHandle();
        Set(Environment.ProcessId + 1);
        ServiceManager.ClosePassed(passed);
        Assert.True(File.Exists($"/proc/self/fd/{passed}"));
        Set(Environment.ProcessId);
        reader.ClientSafePipeHandle.SetHandleAsInvalid();
        ServiceManager.ClosePassed(passed);
        Assert.Equal(-1, reader.ReadByte());
        Assert.Null(Environment.GetEnvironmentVariable("LISTEN_FDS"));

        static void Set(int process)
        {
            Environment.SetEnvironmentVariable("LISTEN_PID", process.ToString(CultureInfo.InvariantCulture));
            Environment.SetEnvironmentVariable("LISTEN_FDS", "1");
            Environment.SetEnvironmentVariable("LISTEN_FDNAMES", "sluice.disks");
        }
    }
}
