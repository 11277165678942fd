using System.CommandLine;
using System.Diagnostics;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Kernel.Mounts;
using Sluice.Kernel.Syscalls;
using Sluice.Node;
using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Storage.Disks.Uppers;

namespace Sluice.Cli.Commands;

internal static class MountCommand
{
    /// <summary>What the background process says on its standard output when the image is mounted.</summary>
    private const string ReadyLine = "mounted";

    private static readonly Lock LogGate = new();

    public static Command Create()
    {
        var name = new Argument<string>("IMAGE") { Description = "An accelerated image: docker://HOST/REPO:TAG, oci:DIR[:TAG] or oci-archive:FILE[:TAG]; or overlaybd:FILE, an OverlayBD device configuration" };
        var directory = new Argument<string>("DIR") { Description = "Existing directory to mount on" };
        var foreground = new Option<bool>("--foreground", "-f") { Description = "Serve in this process until the image is unmounted" };
        var root = new Option<string?>("--root") { Description = "Where fetched data is kept (default /var/lib/sluice/mounts/ID)" };
        var state = new Option<string?>("--state") { Description = "Volatile state (default /run/sluice/mounts/ID)" };
        var mode = new Option<string?>("--mode") { Description = "auto, file or loop (default auto)" };
        var config = new Option<string?>("--config") { Description = $"Configuration file (default {ConfigurationFile.DefaultPath}, if it exists); its root, state and address are the daemon's" };
        var logFile = new Option<string?>("--log-file") { Description = "Append what happens to this file too (default in the background: STATE/log)" };
        var upper = new Option<string?>("--upper") { Description = "Mount a block image for writing; changes go to this directory, which is made or used again" };
        var upperType = new Option<string?>("--upper-type") { Description = "Of a new --upper: append (default) or sparse" };
        var supervise = new Option<bool>("--supervise") { Description = "Start the serving process again when it dies; what is mounted stays meanwhile" };
        var successor = new Option<bool>(MountSupervisor.SuccessorOption) { Hidden = true };
        Option<string?> platform = ImageOptions.PlatformOption();
        var images = new ImageOptions();
        var command = new Command("mount", "Mount an image lazily, without any container runtime.") { name, directory, foreground, config, root, state, mode, logFile, upper, upperType, supervise, successor, platform };
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            string target = Path.GetFullPath(parsed.GetValue(directory)!);
            ImageReference reference = ImageReference.Parse(parsed.GetValue(name)!);
            NodeOptions configured = ConfigurationFile.Read(parsed.GetValue(config));
            MountMode mountMode = parsed.GetValue(mode) is { } named ? ParseMode(named) : configured.MountMode;
            NodeOptions options = MountPlaces.Of(target, parsed.GetValue(root), parsed.GetValue(state), configured) with
            {
                MountMode = mountMode,
                Sources = images.Apply(parsed, configured.Sources),
            };
            WritableLayer? layer = ParseLayer(parsed.GetValue(upper), parsed.GetValue(upperType));
            string? log = parsed.GetValue(logFile);
            if (!parsed.GetValue(foreground))
            {
                string[] arguments = [.. parsed.Tokens.Select(t => t.Value), "--foreground"];
                if (log is null) arguments = [.. arguments, "--log-file", log = Path.Combine(options.State, "log")];
                return await StartInBackgroundAsync(arguments, target, log, cancellation);
            }

            ProcessMemory.LimitArenas();
            using var stop = new StopSignal(cancellation);
            if (parsed.GetValue(supervise)) return await new MountSupervisor(target, message => WriteLog(log, message)).RunAsync([.. parsed.Tokens.Select(t => t.Value).Where(t => t != "--supervise")], stop);
            await using StandaloneMount? mount = await StandaloneMount.StartAsync(
                reference, ImageOptions.ParsePlatform(parsed.GetValue(platform)) ?? Platform.Host, target, options, layer, parsed.GetValue(successor), message => WriteLog(log, message), stop.Token);
            if (mount is null) return ExitCodes.Success; // it was unmounted meanwhile
            if (mount.IsTakenOver) WriteLog(log, $"{target}: serving the mount of an earlier process");
            Console.Out.WriteLine(ReadyLine);
            await UntilUnmountedAsync(mount, stop);
            return ExitCodes.Success;
        });
        return command;
    }

    private static WritableLayer? ParseLayer(string? directory, string? type)
    {
        UpperKind? kind = type switch
        {
            null => null,
            "append" => UpperKind.Append,
            "sparse" => UpperKind.Sparse,
            _ => throw new SluiceException(SluiceError.Usage, "--upper-type", $"'{type}' is not known", "choose append or sparse"),
        };
        if (directory is not null) return new WritableLayer(Path.GetFullPath(directory), kind);
        return kind is null ? null : throw new SluiceException(SluiceError.Usage, "--upper-type", "needs --upper");
    }

    private static MountMode ParseMode(string text) => text.ToLowerInvariant() switch
    {
        "auto" => MountMode.Auto,
        "file" => MountMode.File,
        "loop" => MountMode.Loop,
        _ => throw new SluiceException(SluiceError.Usage, "--mode", $"'{text}' is not known", "choose auto, file or loop"),
    };

    /// <summary>In the background nobody reads standard error once the image is mounted: the file is where a failed read is explained.</summary>
    private static void WriteLog(string? file, string message)
    {
        TryLog(() => Console.Error.WriteLine($"sluice: {message}"));
        if (file is null) return;
        TryLog(() =>
        {
            lock (LogGate) File.AppendAllText(file, $"{DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ} {message}\n");
        });
    }

    /// <summary>What the background process has logged until it had mounted goes to whoever started it.</summary>
    private static void RepeatLog(string file, long from) => TryLog(() =>
    {
        if (LengthOf(file) <= from) return;
        using FileStream log = File.OpenRead(file);
        log.Seek(from, SeekOrigin.Begin);
        using StreamReader lines = new(log);
        while (lines.ReadLine() is { } line) Console.Error.WriteLine($"sluice: {line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]}");
    });

    /// <summary>Bytes that the file holds; 0 for pipes and devices, which must not even be opened for reading, and for a file that is missing.</summary>
    private static long LengthOf(string file)
    {
        var length = 0L;
        TryLog(() =>
        {
            var target = new FileInfo(File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName ?? file);
            if (target.Exists) length = target.Length;
        });
        return length;
    }

    /// <summary>A log that can't be written or read must not fail a read, or a mount that has succeeded.</summary>
    private static void TryLog(Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            // There is no other place to tell it.
        }
    }

    /// <summary>The kernel tells nobody that a mount is gone; looking into the mount table twice a second is cheap and touches no mount.</summary>
    private static async Task UntilUnmountedAsync(StandaloneMount mount, StopSignal stop)
    {
        while (!stop.Token.IsCancellationRequested && mount.IsInUse) await Task.WhenAny(stop.Signalled, Task.Delay(500));
    }

    /// <summary>Runs the same command in the foreground, in a session of its own, and waits until it has mounted or failed.</summary>
    private static async Task<int> StartInBackgroundAsync(IReadOnlyList<string> arguments, string target, string log, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("setsid") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.ArgumentList.Add(Environment.ProcessPath!);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        long logged = LengthOf(log);
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
        if (await process.StandardOutput.ReadLineAsync(cancellation) == ReadyLine)
        {
            RepeatLog(log, logged);
            Console.Out.WriteLine($"{target}  (process {process.Id}; unmount with: sluice umount {target})");
            return ExitCodes.Success;
        }

        Console.Error.Write(await errors);
        await process.WaitForExitAsync(cancellation);
        return process.ExitCode == 0 ? ExitCodes.Internal : process.ExitCode;
    }
}
