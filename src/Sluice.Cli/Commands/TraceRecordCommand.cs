using System.CommandLine;
using Sluice.Cli.Output;
using Sluice.Formats;
using Sluice.Node.Admin;
using Sluice.Node.Status;
using Sluice.Storage.Traces;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice trace record</c>: starts a container for its trace.</summary>
internal static class TraceRecordCommand
{
    public static Command Create()
    {
        var image = new Argument<string>("IMAGE") { Description = "An accelerated image in a registry: HOST/REPO:TAG" };
        var arguments = new Argument<string[]>("COMMAND") { Description = "What is started in place of the image's own command, behind --", Arity = ArgumentArity.ZeroOrMore };
        var line = new Option<string?>("--until-line") { Description = "It has started when it writes a line with this text" };
        var port = new Option<int?>("--until-port") { Description = "It has started when it accepts connections on this TCP port; it gets the host's network" };
        var exit = new Option<bool>("--until-exit") { Description = "All that it reads until it ends by itself" };
        var limit = new Option<int>("--limit") { Description = "Seconds after which what was read is all", DefaultValueFactory = _ => 60 };
        var output = new Option<string?>("--output", "-o") { Description = "Write the trace to this file, too" };
        var ctr = new Option<string>("--ctr") { Description = "containerd's ctr", DefaultValueFactory = _ => "ctr" };
        var snapshotter = new Option<string>("--snapshotter") { Description = "Name of the Sluice snapshotter in containerd's configuration", DefaultValueFactory = _ => "sluice" };
        var daemon = new DaemonOptions();
        var command = new Command("record", "Start a container of an image, note what it reads until it is ready, and remove it. Without --until-… it is ready when it reads nothing new for 5 seconds.")
        {
            image, arguments, line, port, exit, limit, output, ctr, snapshotter,
        };
        daemon.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(limit) is < 1 or > 3600) throw new SluiceException(SluiceError.Usage, "--limit", $"{parsed.GetValue(limit)} is not from 1 to 3600");
            AdminClient client = daemon.Client(parsed);
            PulledImage pulled = await client.PullAsync(
                new PullRequest { Image = parsed.GetValue(image)!, Containerd = daemon.Containerd(parsed), Namespace = daemon.Namespace(parsed), Snapshotter = parsed.GetValue(snapshotter)! }, cancellation);
            await CheckAsync(client, pulled, cancellation);
            ImageTrace trace;
            await using (var container = new RecordedContainer(
                [parsed.GetValue(ctr)!, "--address", daemon.Containerd(parsed), "--namespace", daemon.Namespace(parsed)], parsed.GetValue(snapshotter)!, pulled.Name, parsed.GetValue(port) is not null,
                parsed.GetValue(line), parsed.GetValue(arguments)!))
            {
                using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                late.CancelAfter(TimeSpan.FromSeconds(parsed.GetValue(limit)));
                bool hasSignal = parsed.GetValue(exit) || parsed.GetValue(line) is not null || parsed.GetValue(port) is not null;
                if (hasSignal) await ReadyAsync(container, parsed.GetValue(line) is not null, parsed.GetValue(port), parsed.GetValue(exit), late.Token);
                cancellation.ThrowIfCancellationRequested();
                trace = await EndAsync(client, pulled.Name, hasSignal, container, late.Token, cancellation);
            }

            if (parsed.GetValue(output) is { } path) await File.WriteAllBytesAsync(path, TraceFile.Write(trace.Trace), cancellation);
            TraceTable.Print(trace, Console.Out, Terminal.Width);
            return ExitCodes.Success;
        });
        return command;
    }

    /// <summary>What was read while the image was mounted before is in the kernel's page cache, and would not be seen again.</summary>
    private static async Task CheckAsync(AdminClient client, PulledImage pulled, CancellationToken cancellation)
    {
        ImageList known = await client.ImagesAsync(cancellation);
        if (known.Images.Any(image => image.Digest == pulled.Digest && image.Mounted))
            throw new SluiceException(SluiceError.Usage, pulled.Name, "is mounted on this node: what was read of it already would be missing in the trace", $"remove its containers and the image (ctr images rm --sync {pulled.Name}), then record again");
    }

    /// <summary>Waits for what was asked for, or the limit.</summary>
    /// <exception cref="SluiceException">The container has ended before.</exception>
    private static async Task ReadyAsync(RecordedContainer container, bool line, int? port, bool exit, CancellationToken late)
    {
        List<Task> signals = [container.Ended, Task.Delay(Timeout.Infinite, late)];
        if (line) signals.Add(container.LineAsync());
        if (port is { } number) signals.Add(RecordedContainer.PortAsync(number, late));
        Task first = await Task.WhenAny(signals);
        if (first == container.Ended && !exit && !container.LineAsync().IsCompleted)
            throw new SluiceException(SluiceError.Runtime, "the container", $"ended with exit code {container.ExitCode} before it was ready", "what it wrote says why; with --until-exit its end is what is waited for");
    }

    private static async Task<ImageTrace> EndAsync(AdminClient client, string image, bool now, RecordedContainer container, CancellationToken late, CancellationToken cancellation)
    {
        Task<ImageTrace> end = client.EndStartAsync(new EndStartRequest(image, now), cancellation);
        if (now) return await end;
        await Task.WhenAny(end, Task.Delay(Timeout.Infinite, late));
        return end.IsCompleted ? await end : await client.EndStartAsync(new EndStartRequest(image, Now: true), cancellation);
    }
}
