using System.Diagnostics;
using System.Globalization;
using System.Text;
using Sluice.EndToEnd.Harness;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Deploy;

/// <summary>
/// A Debian with processes, mounts and cgroups of its own, and systemd as its process 1 or nothing that manages services. It shares the kernel and the network
/// of this one: registries of the test are at the same addresses.
/// </summary>
internal sealed class Machine : IAsyncDisposable
{
    private static readonly string Script = Path.Combine(AppContext.BaseDirectory, "Deploy", "machine.sh");

    private readonly Workspace _workspace;
    private readonly Process _process;
    private readonly StringBuilder _console = new();

    private Machine(Workspace workspace, Process process)
    {
        _workspace = workspace;
        _process = process;
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.ErrorDataReceived += (_, line) => Append(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>What its process 1 has said.</summary>
    public string Console
    {
        get
        {
            lock (_console) return _console.ToString();
        }
    }

    /// <summary>A machine without a service manager, like a container.</summary>
    public static Task<Machine> StartPlainAsync() => StartAsync("/bin/dash", "-c", "while :; do sleep 3600 & wait; done"); // buries who dies

    /// <summary>A machine that systemd has booted.</summary>
    public static async Task<Machine> BootAsync()
    {
        Machine machine = await StartAsync("/lib/systemd/systemd", "--unit=multi-user.target", "--log-target=console", "--show-status=no");
        try
        {
            await machine.UntilAsync("systemctl is-system-running | grep -Eq 'running|degraded'", "the machine has booted");
            return machine;
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a script in the machine; what it says, together with what it says of errors, and how it ends.</summary>
    public Task<(int ExitCode, string Output)> TryAsync(string script) => Command.RunAsync(
        "/usr/bin/nsenter",
        [$"--target={Init()}", "--pid", "--mount", "--cgroup", "--uts", "--ipc", "--", "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "/bin/sh", "-c", script]);

    /// <summary>Runs a script and fails the test where that fails.</summary>
    public async Task<string> RunAsync(string script)
    {
        (int exitCode, string output) = await TryAsync(script);
        if (exitCode == 0) return output;
        (_, string journal) = await TryAsync("journalctl --no-pager -n 60 2>&1 || true");
        Assert.Fail($"{script}\nended with {exitCode}\n{output}\n{Console}\n{journal}");
        return "";
    }

    /// <summary>Waits until a script succeeds.</summary>
    public async Task UntilAsync(string script, string what)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestMachine.Cancellation);
        limit.CancelAfter(TimeSpan.FromMinutes(2));
        while ((await TryAsync(script)).ExitCode != 0)
        {
            if (limit.IsCancellationRequested || _process.HasExited) await RunAsync($"echo 'waited in vain: {what}'; {script}");
            await Task.Delay(100, TestMachine.Cancellation);
        }
    }

    /// <summary>Where a path of the machine is for this process.</summary>
    public string Outside(string path) => $"/proc/{Init()}/root{path}";

    /// <summary>Copies a file into the machine's <c>/root</c>, and returns its name there.</summary>
    public async Task<string> BringAsync(string file)
    {
        string name = "/root/" + Path.GetFileName(file);
        string there = Outside(name);
        await using FileStream from = File.OpenRead(file);
        await using FileStream to = File.Create(there);
        await from.CopyToAsync(to, TestMachine.Cancellation);
        return name;
    }

    public async Task WriteAsync(string name, string text) => await File.WriteAllTextAsync(Outside(name), text, TestMachine.Cancellation);

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill(); // the kernel ends process 1 with it, and all others with that
        await _process.WaitForExitAsync();
        await Command.RunAsync(Script, ["--clean", _workspace.Root]);
        _process.Dispose();
        _workspace.Dispose();
    }

    private static async Task<Machine> StartAsync(params string[] init)
    {
        TestMachine.RequireMounts();
        string debian = await DebianDirectory.OpenAsync();
        Workspace workspace = new();
        ProcessStartInfo start = new(Script, [debian, workspace.Root, .. init]) { RedirectStandardOutput = true, RedirectStandardError = true };
        Machine machine = new(workspace, Process.Start(start)!);
        try
        {
            await TestMachine.UntilAsync(() => machine._process.HasExited || (machine.TryInit() is { } process && Runs(process, init[0])), "the machine's first process runs");
            Assert.False(machine._process.HasExited, machine.Console);
            return machine;
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }
    }

    /// <summary>Whether a process runs a program; one that has ended meanwhile does not.</summary>
    private static bool Runs(int process, string program)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/{process}/exe", returnFinalTarget: false) is { } target && Path.GetFileName(target.FullName) == Path.GetFileName(program);
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>The machine's process 1, by its id here.</summary>
    private int Init() => TryInit() ?? throw new InvalidOperationException($"the machine has ended\n{Console}");

    private int? TryInit()
    {
        try
        {
            string children = File.ReadAllText($"/proc/{_process.Id}/task/{_process.Id}/children");
            return int.TryParse(children.AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int process) ? process : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void Append(string? line)
    {
        if (line is null) return;
        lock (_console) _console.AppendLine(line);
    }
}
