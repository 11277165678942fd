using System.Diagnostics;

namespace Sluice.Kernel.Tests.Support;

/// <summary>A <see cref="VictimServer"/> process and what a test does to it.</summary>
internal sealed class Victim : IAsyncDisposable
{
    private readonly Process _process;

    private Victim(Process process) => _process = process;

    public static Task<Victim> StartAsync(string mountPoint, string how, params string[] files) =>
        StartAsync(new ProcessStartInfo(Environment.ProcessPath!, [VictimServer.Argument, mountPoint, how, .. files]));

    /// <summary>One whose connection is kept, at the head of a process group of its own.</summary>
    public static Task<Victim> StartKeptAsync(string state, string mountPoint, string how, params string[] files)
    {
        var start = new ProcessStartInfo("setsid", [Environment.ProcessPath!, VictimServer.Argument, mountPoint, how, .. files]);
        start.Environment[VictimServer.KeeperVariable] = state;
        return StartAsync(start);
    }

    private static async Task<Victim> StartAsync(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        Process process = Process.Start(start)!;
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync());
        return new Victim(process);
    }

    /// <summary>Waits until a read has reached a hanging disk.</summary>
    public async Task AskedAsync() => Assert.Equal("asked", await _process.StandardOutput.ReadLineAsync());

    /// <summary>Has all its threads run on the last of the processors only; returns which one.</summary>
    public async Task<int> StayOnOneProcessorAsync()
    {
        int processor = Environment.ProcessorCount - 1;
        await Command.OutputAsync("taskset", "-a", "-c", "-p", $"{processor}", $"{_process.Id}");
        return processor;
    }

    public Task StopAsync() => Command.OutputAsync("kill", "-STOP", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));

    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>With everything that it has started and that has not left its group.</summary>
    public async Task KillGroupAsync()
    {
        await Command.OutputAsync("kill", "-KILL", "--", $"-{_process.Id}");
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }
}
