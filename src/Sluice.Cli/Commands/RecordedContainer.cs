using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;
using Sluice.Formats;

namespace Sluice.Cli.Commands;

/// <summary>A container that is started for its trace, by <c>ctr</c>, and removed afterwards. What it writes comes out on standard error.</summary>
internal sealed class RecordedContainer : IAsyncDisposable
{
    private static readonly TimeSpan RemovalLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

    private readonly string[] _ctr;
    private readonly string _id = $"sluice-record-{Guid.NewGuid():n}";
    private readonly Process _process;
    private readonly TaskCompletionSource _line = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="ctr">The program and its global options.</param>
    /// <param name="line">What a line has to contain for <see cref="LineAsync"/>; null: nothing is waited for.</param>
    /// <exception cref="SluiceException">There is no such program.</exception>
    public RecordedContainer(string[] ctr, string snapshotter, string image, bool onHostNetwork, string? line, IEnumerable<string> command)
    {
        _ctr = ctr;
        _process = Start([.. ctr[1..], "run", "--rm", "--snapshotter", snapshotter, .. onHostNetwork ? ["--net-host"] : (string[])[], image, _id, .. command]);
        Ended = Task.WhenAll(PassOnAsync(_process.StandardOutput, line), PassOnAsync(_process.StandardError, line), _process.WaitForExitAsync());
    }

    /// <summary>When the container has ended, or could not be started.</summary>
    public Task Ended { get; }

    /// <summary>Of the container, when it has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>When it has written a line with the text.</summary>
    public Task LineAsync() => _line.Task;

    /// <summary>When something accepts connections on a port of this machine.</summary>
    public static async Task PortAsync(int port, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                using TcpClient client = new();
                await client.ConnectAsync("127.0.0.1", port, cancellation);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(LookAgain, cancellation);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            using Process kill = Start([.. _ctr[1..], "tasks", "kill", "--signal", "SIGKILL", _id]);
            await kill.WaitForExitAsync();
            await Ended.WaitAsync(RemovalLimit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!_process.HasExited) _process.Kill();
        }

        _process.Dispose();
    }

    private Process Start(string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(_ctr[0], arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        }
        catch (Win32Exception exception)
        {
            throw new SluiceException(SluiceError.Usage, "--ctr", $"{_ctr[0]} can't be started: {exception.Message}", "install containerd's ctr, or say where it is", exception);
        }
    }

    private async Task PassOnAsync(StreamReader output, string? awaited)
    {
        while (await output.ReadLineAsync() is { } line)
        {
            await Console.Error.WriteLineAsync(line);
            if (awaited is not null && line.Contains(awaited, StringComparison.Ordinal)) _line.TrySetResult();
        }
    }
}
