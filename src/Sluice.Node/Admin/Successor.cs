using System.ComponentModel;
using System.Diagnostics;
using Sluice.Formats;
using Sluice.Kernel.Keeper;
using Sluice.Node.Configuration;

namespace Sluice.Node.Admin;

/// <summary>
/// Starts the daemon that is to succeed this one, with the same arguments, environment and output. It takes over when it is ready to: see
/// <see cref="NodeDaemon.SucceedAsync"/>.
/// </summary>
internal sealed class Successor(NodeOptions options, bool isKept)
{
    /// <summary>The argument that says so.</summary>
    public const string Argument = "--take-over";

    /// <summary>Its process id, when there is one.</summary>
    public int? Process { get; private set; }

    /// <returns>Its process id.</returns>
    /// <exception cref="SluiceException">It can't be started, or nothing would stay mounted meanwhile.</exception>
    public int Start(string? program)
    {
        if (!isKept) throw new SluiceException(SluiceError.Configuration, "keeper", "there is none that keeps what is mounted while the daemon is replaced", "set keeper: auto, and restart the daemon when nothing runs on it");
        if (options.Keeper == KeeperKind.ServiceManager || (ServiceManager.DescriptorLimit > 0 && !KeeperProcess.IsRunning(options.State)))
            throw new SluiceException(SluiceError.Configuration, "keeper", "the service manager keeps what is mounted, and gives it only to a service that it starts", "systemctl restart sluice");
        string[] arguments = Environment.GetCommandLineArgs();
        string running = Environment.ProcessPath!;
        IEnumerable<string> own = Path.GetFileName(running) == "dotnet" ? arguments : arguments.Skip(1);
        string executable = program ?? running;
        var start = new ProcessStartInfo(executable, own.Where(argument => argument != Argument).Append(Argument)) { UseShellExecute = false };
        try
        {
            using var started = System.Diagnostics.Process.Start(start)!;
            Process = started.Id;
            return started.Id;
        }
        catch (Win32Exception refused)
        {
            throw new SluiceException(SluiceError.Usage, executable, $"can't be started: {refused.Message}", inner: refused);
        }
    }
}
