using System.Diagnostics;
using System.Globalization;
using Sluice.Kernel.Mounts;

namespace Sluice.Cli.Commands;

/// <summary>Runs the process that serves a mount, and the next one when that dies while the image is mounted: it takes over what the keeper holds.</summary>
internal sealed class MountSupervisor(string target, Action<string> log)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100), LongestPause = TimeSpan.FromSeconds(10);

    /// <summary>What the first serving process says on its standard output goes on to this one's; later nobody reads that any more.</summary>
    /// <param name="arguments">Of the serving process, which stays in the foreground.</param>
    /// <returns>Its exit code, when it has ended in order.</returns>
    public async Task<int> RunAsync(IReadOnlyList<string> arguments, StopSignal stop)
    {
        TimeSpan pause = FirstPause;
        for (bool first = true; ; first = false)
        {
            long started = Stopwatch.GetTimestamp();
            int code = await RunOnceAsync(arguments, first, stop);
            if (code == ExitCodes.Success || stop.Token.IsCancellationRequested || MountTable.Find(target) is not { } mount || !ImageMounts.IsImage(mount)) return code;
            log($"{target}: the serving process ended with code {code}: starting another");
            pause = Stopwatch.GetElapsedTime(started) > LongestPause ? FirstPause : pause * 2 < LongestPause ? pause * 2 : LongestPause;
            await Task.WhenAny(stop.Signalled, Task.Delay(pause));
        }
    }

    private static async Task<int> RunOnceAsync(IReadOnlyList<string> arguments, bool isHeard, StopSignal stop)
    {
        using Process serving = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments) { UseShellExecute = false, RedirectStandardOutput = true })!;
        serving.OutputDataReceived += (_, line) =>
        {
            if (isHeard && line.Data is not null) Console.Out.WriteLine(line.Data);
        };
        serving.BeginOutputReadLine();
        Task ended = serving.WaitForExitAsync();
        if (await Task.WhenAny(ended, stop.Signalled) != ended)
        {
            using Process signal = Process.Start("kill", ["-TERM", serving.Id.ToString(CultureInfo.InvariantCulture)]);
            await ended;
        }

        return serving.ExitCode;
    }
}
