using System.ComponentModel;
using System.Diagnostics;
using Sluice.Formats;

namespace Sluice.Node.Admin;

/// <summary>
/// Starts the daemon that is to succeed this one, with the same arguments, environment and output. It takes over when it is ready to: see
/// <see cref="NodeDaemon.SucceedAsync"/>.
/// </summary>
internal sealed class Successor(bool isKept)
{
    /// <summary>The argument that says so.</summary>
    public const string Argument = "--take-over";

    /// <summary>Its process id, when there is one.</summary>
    public int? Process { get; private set; }

    /// <returns>Its process id.</returns>
    /// <exception cref="SluiceException">It can't be started, or nothing would stay mounted meanwhile.</exception>
    public int Start(string? program)
    {
        if (!isKept) throw new SluiceException(SluiceError.Configuration, "keeper", "there is none that keeps what is mounted while the daemon is replaced", "set keeper: process, and restart the daemon when nothing runs on it");
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
