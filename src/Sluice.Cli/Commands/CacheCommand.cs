using System.CommandLine;
using System.Text.Json;
using Sluice.Cli.Output;
using Sluice.Formats;
using Sluice.Node.Admin;
using Sluice.Storage.Cache;

namespace Sluice.Cli.Commands;

/// <summary>What the daemon's cache holds, and what may be done with it.</summary>
internal static class CacheCommand
{
    private const string ToOption = "--to";

    public static Command Create() => new("cache", "Look at the daemon's cache, check it, and decide what stays.")
    {
        Question("ls", "List cached blobs, and what the cache has done since the daemon started.", (client, _, cancellation) => client.CacheAsync(cancellation), CacheReport.WriteList),
        Question("verify", "Read everything stored from the disk and drop what is wrong; it is fetched again when it is needed.", (client, _, cancellation) => client.VerifyCacheAsync(cancellation), CacheReport.WriteVerification),
        Prune(),
        Pin("pin", "Keep what is cached of an image, whatever else needs the space.", pinned: true),
        Pin("unpin", "Let what is cached of an image go again.", pinned: false),
        Export(),
        Import(),
    };

    private static Command Prune()
    {
        var to = new Option<string>(ToOption) { Description = "How much may stay (10GiB, 500MB)", DefaultValueFactory = _ => "0" };
        Command command = Question(
            "prune", "Evict what is neither pinned nor read by the kernel alone, least used first.",
            (client, parsed, cancellation) => client.PruneCacheAsync(BytesOf(parsed.GetValue(to)!), cancellation), CacheReport.WriteFreed);
        command.Options.Add(to);
        return command;
    }

    private static Command Pin(string name, string description, bool pinned)
    {
        var image = new Argument<string>("IMAGE") { Description = "As it was pulled, or the digest of its manifest" };
        Command command = Question(name, description, (client, parsed, cancellation) => client.PinAsync(parsed.GetValue(image)!, pinned, cancellation), CacheReport.WriteManifests);
        command.Arguments.Add(image);
        return command;
    }

    private static Command Export()
    {
        var image = new Argument<string>("IMAGE") { Description = "As it was pulled, or the digest of its manifest" };
        var file = new Argument<string>("FILE") { Description = "Is written by the daemon" };
        Command command = Question(
            "export", "Write what is cached of an image to a tar file, to seed other nodes.",
            (client, parsed, cancellation) => client.ExportCacheAsync(parsed.GetValue(image)!, Path.GetFullPath(parsed.GetValue(file)!), cancellation), CacheReport.WriteArchived);
        command.Arguments.Add(image);
        command.Arguments.Add(file);
        return command;
    }

    private static Command Import()
    {
        var file = new Argument<string>("FILE") { Description = "Made by `sluice cache export`; is read by the daemon" };
        Command command = Question(
            "import", "Store what such a file holds; every chunk is checked.",
            (client, parsed, cancellation) => client.ImportCacheAsync(Path.GetFullPath(parsed.GetValue(file)!), cancellation), CacheReport.WriteArchived);
        command.Arguments.Add(file);
        return command;
    }

    private static Command Question(string name, string description, Func<AdminClient, ParseResult, CancellationToken, Task<JsonDocument>> ask, Action<JsonElement> write)
    {
        var json = new Option<bool>("--json") { Description = "The daemon's answer as it is (docs/admin-api.md)" };
        var daemon = new DaemonOptions();
        var command = new Command(name, description) { json };
        daemon.AddSocketTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            using JsonDocument answer = await ask(daemon.Client(parsed), parsed, cancellation);
            if (parsed.GetValue(json)) Console.Out.WriteLine(answer.RootElement.GetRawText());
            else write(answer.RootElement);
            return ExitCodes.Success;
        });
        return command;
    }

    private static long BytesOf(string text) => DiskShare.TryParse(text, out DiskShare share) && share.Percent == 0
        ? share.Bytes
        : throw new SluiceException(SluiceError.Usage, ToOption, $"'{text}' is not a number of bytes", "such as 10GiB, 500MB or 0");
}
