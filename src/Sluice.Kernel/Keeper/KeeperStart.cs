using System.Collections;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Sluice.Formats;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

/// <summary>How a keeper process comes to be.</summary>
internal static unsafe class KeeperStart
{
    /// <summary>A keeper holds a few names; without a limit the runtime would reserve and touch far more.</summary>
    private static readonly string[] SmallRuntime =
    [
        "DOTNET_GCHeapHardLimit=0x1000000", "DOTNET_GCgen0size=0x40000", "DOTNET_gcConcurrent=0", "DOTNET_EnableDiagnostics=0",
        "DOTNET_TieredCompilation=0", "DOTNET_EnableWriteXorExecute=0", "MALLOC_ARENA_MAX=1",
    ];

    /// <summary>Starts a detached keeper and returns without waiting for it to be ready.</summary>
    public static Process Detached(string state, TimeSpan deadline)
    {
        var program = new MountProcessOptions();
        var start = new ProcessStartInfo(program.Executable, [.. program.Arguments, .. KeeperMain.Arguments(state, deadline, detached: true)]) { UseShellExecute = false, WorkingDirectory = "/" };
        start.Environment.Remove(ServiceManager.SocketVariable); // it is not the service
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception refused)
        {
            throw new SluiceException(SluiceError.Kernel, program.Executable, "the keeper can't be started", inner: refused);
        }
    }

    /// <summary>Replaces this process by another run of the same program.</summary>
    public static void Execute(string[] arguments, string[] environment)
    {
        var program = new MountProcessOptions();
        var variables = new List<string>([.. SmallRuntime, .. environment]);
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables()) variables.Add($"{variable.Key}={variable.Value}");
        byte** texts = Texts([program.Executable, .. program.Arguments, .. arguments]);
        Libc.Execute(program.Executable, texts, Texts(variables));
        throw KernelError.Last(program.Executable, "the keeper can't be started");
    }

    /// <summary>Never freed: what comes next is the end of this process image.</summary>
    private static byte** Texts(IReadOnlyList<string> texts)
    {
        byte** array = (byte**)NativeMemory.AllocZeroed((nuint)texts.Count + 1, (nuint)sizeof(byte*));
        for (int i = 0; i < texts.Count; i++)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(texts[i]);
            array[i] = (byte*)NativeMemory.AllocZeroed((nuint)bytes.Length + 1);
            bytes.CopyTo(new Span<byte>(array[i], bytes.Length));
        }

        return array;
    }
}
