using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Sluice.EndToEnd.Harness;
using Sluice.Kernel.Mounts;

namespace Sluice.EndToEnd.Faults;

/// <summary>An image mounted by the real <c>sluice mount --foreground</c>, and child processes that read it.</summary>
internal sealed class LazyMount : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _target;
    private readonly ConcurrentQueue<string> _log = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private LazyMount(Process process, string target)
    {
        (_process, _target) = (process, target);
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data == "mounted") _ready.TrySetResult();
        };
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not null) _log.Enqueue(line.Data);
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public static bool IsPossible =>
        Environment.IsPrivilegedProcess && File.Exists("/dev/fuse") && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("SLUICE_TEST_FAST"));

    /// <summary>Lines of standard error so far.</summary>
    public IReadOnlyCollection<string> Log => _log;

    public int ProcessId => _process.Id;

    public static void SkipIfImpossible()
    {
        if (!IsPossible) Assert.Skip("needs root and /dev/fuse, and is not part of the fast tests");
    }

    /// <summary>Mounts, or fails the test with what the command said.</summary>
    public static async Task<LazyMount> StartAsync(Places places, params string[] arguments)
    {
        (LazyMount mount, bool mounted) = await TryStartAsync(places, arguments);
        if (mounted) return mount;
        int code = mount._process.ExitCode;
        await mount.DisposeAsync();
        Assert.Fail($"sluice mount: exit code {code}: {string.Join('\n', mount.Log)}");
        return mount;
    }

    /// <summary>Expects that the command refuses; returns its exit code and what it said.</summary>
    public static async Task<(int ExitCode, string Errors)> FailAsync(Places places, params string[] arguments)
    {
        (LazyMount mount, bool mounted) = await TryStartAsync(places, arguments);
        await using (mount)
        {
            Assert.False(mounted);
            return (mount._process.ExitCode, string.Join('\n', mount.Log));
        }
    }

    /// <returns>The process, and whether it has mounted; it has ended otherwise.</returns>
    public static async Task<(LazyMount Mount, bool Mounted)> TryStartAsync(Places places, params string[] arguments)
    {
        Directory.CreateDirectory(places.Target);
        Process process = ChildProcess.Start(
            SluiceProgram.Path, ["mount", "--foreground", "--config", places.Config, "--root", places.Root, "--state", places.State, .. arguments, places.Target]);
        LazyMount mount = new(process, places.Target);
        using CancellationTokenSource limit = new(ChildProcess.HangLimit);
        Task ended = process.WaitForExitAsync(limit.Token);
        await Task.WhenAny(mount._ready.Task, ended);
        if (limit.IsCancellationRequested)
        {
            await mount.DisposeAsync();
            Assert.Fail("sluice mount hangs");
        }

        if (!mount._ready.Task.IsCompleted) await ended;
        return (mount, mount._ready.Task.IsCompleted);
    }

    /// <summary>Waits until it has logged a line like <paramref name="pattern"/>: a line may come a moment later than what it is about.</summary>
    public async Task LoggedAsync(string pattern)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(10));
        while (!_log.Any(line => Regex.IsMatch(line, pattern)))
        {
            if (limit.IsCancellationRequested || _process.HasExited) Assert.Fail($"nothing like {pattern} in:\n{string.Join('\n', _log)}");
            await Task.Delay(20);
        }
    }

    /// <summary>Reads files in a process of its own. Wrong bytes and any error but EIO fail the test.</summary>
    public async Task<Dictionary<string, ReadResult>> ReadAsync(FaultImage image, IReadOnlyCollection<string> names)
    {
        ChildProcess child = await ChildProcess.RunAsync("sha256sum", [.. names.Select(name => Path.Combine(_target, name))]);
        Dictionary<string, ReadResult> results = [];
        foreach (string line in child.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            results[CheckHash(image, line)] = ReadResult.Right;
        }

        foreach (string line in child.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Assert.EndsWith(": Input/output error", line, StringComparison.Ordinal);
            results[Path.GetFileName(line.Split(": ")[1])] = ReadResult.Failed;
        }

        Assert.Equal(names.Order(StringComparer.Ordinal), results.Keys.Order(StringComparer.Ordinal));
        return results;
    }

    /// <summary>Reads all files; all must be right.</summary>
    public async Task ReadAllRightAsync(FaultImage image)
    {
        Dictionary<string, ReadResult> results = await ReadAsync(image, image.Files.Keys);
        string[] failed = [.. results.Where(file => file.Value == ReadResult.Failed).Select(file => file.Key)];
        Assert.True(failed.Length == 0, $"{string.Join(' ', failed)} not read; log:\n{string.Join('\n', _log)}");
    }

    /// <summary>Starts a reader of all files that nobody waits for yet.</summary>
    public Task<ChildProcess> StartReading(FaultImage image) => ChildProcess.RunAsync("sha256sum", [.. image.Names.Select(name => Path.Combine(_target, name))]);

    /// <summary>SIGKILL; its mounts stay.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Checks a line of <c>sha256sum</c>; returns the file's name.</summary>
    public static string CheckHash(FaultImage image, string line)
    {
        string name = Path.GetFileName(line[66..]);
        Assert.True(Convert.ToHexStringLower(SHA256.HashData(image.Files[name])) == line[..64], $"{name} has WRONG BYTES");
        return name;
    }

    /// <summary>Waits until the process has ended, as it should when its image was unmounted.</summary>
    public async Task EndedAsync()
    {
        using CancellationTokenSource limit = new(ChildProcess.HangLimit);
        await _process.WaitForExitAsync(limit.Token);
        Assert.True(_process.ExitCode == 0, string.Join('\n', _log));
    }

    /// <summary>Unmounts as people do, and waits for the process.</summary>
    public async Task UnmountAsync()
    {
        ChildProcess child = await ChildProcess.RunAsync(SluiceProgram.Path, "umount", _target);
        Assert.True(child.ExitCode == 0, child.Errors);
        await EndedAsync();
        Assert.Null(MountTable.Find(_target));
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
