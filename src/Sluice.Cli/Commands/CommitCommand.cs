using System.CommandLine;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Admin;

namespace Sluice.Cli.Commands;

internal static class CommitCommand
{
    public static Command Create()
    {
        var container = new Argument<string>("CONTAINER") { Description = "containerd's id of the container, running or not" };
        var destination = new Argument<string>("DST") { Description = "Where the image goes: docker://HOST/REPO:TAG, oci:DIR[:TAG] or oci-archive:FILE[:TAG]" };
        var daemon = new DaemonOptions();
        var compressor = new Option<string>("--compressor") { Description = "zstd or lz4", DefaultValueFactory = _ => "zstd" };
        var blockSize = new Option<string?>("--block-size") { Description = "A power of two from 4KiB to 64KiB; default 16KiB with zstd, 4KiB with lz4" };
        var message = new Option<string?>("--message", "-m") { Description = "Comment in the image's history" };
        var author = new Option<string?>("--author", "-a") { Description = "Author in the image's history" };
        var command = new Command("commit", "Make an image of a container and what it has written.") { container, destination, compressor, blockSize, message, author };
        daemon.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ImageReference reference = ImageReference.Parse(parsed.GetValue(destination)!);
            if (reference.Digest is not null) throw new SluiceException(SluiceError.Usage, parsed.GetValue(destination)!, "an image that is to be made has no digest yet", "give it a tag");
            CommittedImage image = await daemon.Client(parsed).CommitAsync(
                new CommitRequest
                {
                    Container = parsed.GetValue(container)!,
                    Image = Absolute(reference),
                    Containerd = daemon.Containerd(parsed),
                    Namespace = daemon.Namespace(parsed),
                    Compressor = parsed.GetValue(compressor)!,
                    BlockSize = parsed.GetValue(blockSize) is { } size ? ImageOptions.ParseSize("--block-size", size) : null,
                    Message = parsed.GetValue(message),
                    Author = parsed.GetValue(author),
                },
                cancellation);
            foreach (string warning in image.Warnings) Console.Error.WriteLine($"warning: {warning}");
            Console.Out.WriteLine($"{reference}  {image.Digest}  ({image.Layers.Count} layers of changes, {image.Pushed} of them new)");
            return ExitCodes.Success;
        });
        return command;
    }

    /// <summary>The daemon works in another directory.</summary>
    private static string Absolute(ImageReference reference) => reference.Transport switch
    {
        ImageTransport.Layout => Named("oci:", reference),
        ImageTransport.Archive => Named("oci-archive:", reference),
        _ => reference.ToString(),
    };

    private static string Named(string transport, ImageReference reference) => $"{transport}{Path.GetFullPath(reference.Path)}{(reference.Tag is { Length: > 0 } tag ? ":" + tag : "")}";
}
