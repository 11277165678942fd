using System.Diagnostics;

namespace Sluice.Kernel.Tests.Support;

/// <summary>A <see cref="VictimServer"/> process and what a test does to it.</summary>
internal sealed class Victim : IAsyncDisposable
{
    private readonly Process _process;

    private Victim(Process process) => _process = process;

    public static async Task<Victim> StartAsync(string mountPoint, string how, params string[] files)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [VictimServer.Argument, mountPoint, how, .. files]) { RedirectStandardOutput = true };
        Process process = Process.Start(start)!;
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync());
        return new Victim(process);
    }

    /// <summary>Waits until a read has reached a hanging disk.</summary>
    public async Task AskedAsync() => Assert.Equal("asked", await _process.StandardOutput.ReadLineAsync());

    public Task StopAsync() => Command.OutputAsync("kill", "-STOP", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));

    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }
}
