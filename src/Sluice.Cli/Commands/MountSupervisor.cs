using System.Diagnostics;
using System.Globalization;
using Sluice.Kernel.Mounts;

namespace Sluice.Cli.Commands;

/// <summary>Runs the process that serves a mount, and the next one when that dies while the image is mounted: it takes over what the keeper holds.</summary>
internal sealed class MountSupervisor(string target, Action<string> log)
{
    /// <summary>Of a serving process that is to take the mount over: it must not mount again what somebody has just unmounted.</summary>
    public const string SuccessorOption = "--successor";

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
            int code = await RunOnceAsync(first ? arguments : [.. arguments, SuccessorOption], first, stop);
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
        // Not WaitForExitAsync: it waits for the end of the output, too, which the dead one's mount process may still have, and that may be waiting for the next to serve.
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        serving.Exited += (_, _) => ended.TrySetResult();
        serving.EnableRaisingEvents = true;
        serving.BeginOutputReadLine();
        if (await Task.WhenAny(ended.Task, stop.Signalled) != ended.Task)
        {
            using Process signal = Process.Start("kill", ["-TERM", serving.Id.ToString(CultureInfo.InvariantCulture)]);
            await ended.Task;
        }

        return serving.ExitCode;
    }
}
