using System.Diagnostics;
using System.Globalization;
using System.Text;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Harness;

/// <summary><c>sluice daemon</c> as a process, with root, state and socket below one directory that several runs can share.</summary>
internal sealed class SluiceDaemon : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _directory;
    private bool _isOver; // by a test, which wants to see what stays
    private readonly StringBuilder _log = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SluiceDaemon(Process process, string directory)
    {
        _directory = directory;
        _process = process;
        process.ErrorDataReceived += (_, line) => Append(line.Data);
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    public int ProcessId => _process.Id;

    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    public static string RootOf(string directory) => Path.Combine(directory, "root");

    public static string StateOf(string directory) => Path.Combine(directory, "state");

    public static string SocketOf(string directory) => Path.Combine(directory, "state", "containerd.sock");

    public static string AdminSocketOf(string directory) => Path.Combine(directory, "state", "admin.sock");

    /// <summary>Starts the daemon and waits until it is ready.</summary>
    public static Task<SluiceDaemon> StartAsync(string directory, params string[] more) => StartAsync(directory, null, more);

    /// <inheritdoc cref="StartAsync(string, string[])"/>
    public static async Task<SluiceDaemon> StartAsync(string directory, IReadOnlyDictionary<string, string>? environment, params string[] more)
    {
        SluiceDaemon daemon = new(SluiceProgram.Start(["daemon", "--root", RootOf(directory), "--state", StateOf(directory), .. more], environment), directory);
        Task ended = daemon._process.WaitForExitAsync(TestMachine.Cancellation);
        if (await Task.WhenAny(daemon._ready.Task, ended) == daemon._ready.Task) return daemon;
        string log = daemon.Log;
        await daemon.DisposeAsync();
        throw new InvalidOperationException($"the daemon did not start\n{log}");
    }

    /// <summary>SIGTERM, as a service manager stops it: what is mounted stays. Fails the test unless it ends with 0.</summary>
    public async Task StopAsync()
    {
        _isOver = true;
        await Command.RunAsync("/bin/kill", [_process.Id.ToString(CultureInfo.InvariantCulture)]);
        await _process.WaitForExitAsync(TestMachine.Cancellation);
        Assert.True(_process.ExitCode == 0, $"the daemon ended with {_process.ExitCode}\n{Log}");
    }

    /// <summary>SIGKILL: nothing is cleaned up.</summary>
    public async Task KillAsync()
    {
        _isOver = true;
        _process.Kill();
        await _process.WaitForExitAsync(TestMachine.Cancellation);
    }

    /// <summary>`sluice umount --all`: ends the daemon, if one runs, and unmounts everything.</summary>
    public static Task<SluiceResult> UnmountAllAsync(string directory) => SluiceProgram.RunAsync("umount", "--all", "--root", RootOf(directory), "--state", StateOf(directory));

    public async ValueTask DisposeAsync()
    {
        if (!_isOver) await UnmountAllAsync(_directory); // also what a successor of the process serves
        if (!_process.HasExited)
        {
            using CancellationTokenSource patience = new(TimeSpan.FromSeconds(15));
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        _process.Dispose();
    }

    private void Append(string? line)
    {
        if (line is null) return;
        lock (_log) _log.AppendLine(line);
        if (line.Contains("Ready on ", StringComparison.Ordinal)) _ready.TrySetResult();
    }
}
