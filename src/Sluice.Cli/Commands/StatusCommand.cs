using System.CommandLine;
using System.Text.Json;
using Sluice.Cli.Output;
using Sluice.Formats;
using Sluice.Node.Admin;
using Sluice.Node.Status;

namespace Sluice.Cli.Commands;

internal static class StatusCommand
{
    /// <summary>Lines of the screen beside those of images, in the usual case.</summary>
    private const int OtherLines = 16;

    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var json = new Option<bool>("--json") { Description = "One JSON object: the answers of GET /v1/status and GET /v1/images" };
        var watch = new Option<bool>("--watch", "-w") { Description = "Show it again and again until interrupted" };
        var interval = new Option<int>("--interval") { Description = "Seconds between two looks of --watch", DefaultValueFactory = _ => 2 };
        var command = new Command("status", "Show how the daemon and its images are.") { json, watch, interval };
        daemon.AddSocketTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            int seconds = parsed.GetValue(interval);
            if (seconds is < 1 or > 3600) throw new SluiceException(SluiceError.Usage, "--interval", $"{seconds} is not a number of seconds from 1 to 3600");
            AdminClient client = daemon.Client(parsed);
            Action<NodeStatus, ImageList, NodeStatus?> show = parsed.GetValue(json) ? ShowJson : Console.IsOutputRedirected ? ShowLines : (status, images, before) => ShowScreen(status, images, before, parsed.GetValue(watch));
            if (parsed.GetValue(watch)) await WatchAsync(client, TimeSpan.FromSeconds(seconds), show, cancellation);
            else show(await client.StatusAsync(cancellation), await client.ImagesAsync(cancellation), null);
            return ExitCodes.Success;
        });
        return command;
    }

    private static async Task WatchAsync(AdminClient client, TimeSpan interval, Action<NodeStatus, ImageList, NodeStatus?> show, CancellationToken cancellation)
    {
        NodeStatus? before = null;
        using var timer = new PeriodicTimer(interval);
        try
        {
            do
            {
                NodeStatus status = await client.StatusAsync(cancellation);
                show(status, await client.ImagesAsync(cancellation), before);
                before = status;
            }
            while (await timer.WaitForNextTickAsync(cancellation));
        }
        catch (OperationCanceledException)
        {
            // That is how a watch ends.
        }
    }

    private static void ShowJson(NodeStatus status, ImageList images, NodeStatus? before)
    {
        string body = JsonSerializer.Serialize(status, StatusJson.Default.NodeStatus);
        string list = JsonSerializer.Serialize(images, StatusJson.Default.ImageList);
        Console.Out.WriteLine($"{{\"status\":{body},{list[1..]}");
    }

    private static void ShowLines(NodeStatus status, ImageList images, NodeStatus? before)
    {
        if (before is not null) Console.Out.WriteLine();
        Print(new StatusScreen(width: null, rows: int.MaxValue).Lines(status, images.Images, before));
    }

    private static void ShowScreen(NodeStatus status, ImageList images, NodeStatus? before, bool again)
    {
        (int width, int height) = (Console.WindowWidth, Console.WindowHeight);
        var screen = new StatusScreen(width > 0 ? Math.Max(width, 60) : 80, Math.Max(5, (height > 0 ? height : 24) - OtherLines));
        if (again) Console.Out.Write("\e[H\e[2J"); // cursor home, clear
        Print(screen.Lines(status, images.Images, before));
    }

    private static void Print(IReadOnlyList<string> lines) => Console.Out.WriteLine(string.Join(Environment.NewLine, lines));
}
