using System.CommandLine;
using Sluice.Build.Look;
using Sluice.Cli.Output;
using Sluice.Formats;
using Sluice.Formats.Trees;

namespace Sluice.Cli.Commands;

internal static class CatCommand
{
    public static Command Create()
    {
        var image = new Argument<string>("IMAGE") { Description = "docker://HOST/REPO:TAG, oci:DIR[:TAG] or oci-archive:FILE[:TAG]" };
        var path = new Argument<string>("PATH") { Description = "A file of the image; links are followed inside of it" };
        Option<string?> platform = ImageOptions.PlatformOption();
        var images = new ImageOptions();
        var command = new Command("cat", "Print a file of an image.") { image, path, platform };
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using NamedImage named = await NamedImage.OpenAsync(parsed.GetValue(image)!, parsed.GetValue(platform), images.Read(parsed), preferAccelerated: true, cancellation);
            using ImageContents contents = await ImageContents.OpenAsync(named.Stored, window: 0, cancellation);
            string wanted = parsed.GetValue(path)!;
            Inode inode = ImageLookup.Find(contents, new FileName(wanted), followLast: true);
            if (inode.Type != FileType.Regular) throw new SluiceException(SluiceError.Usage, wanted, "not a regular file");
            await using (Stream output = StandardOutput.Open())
            {
                if (inode.Size > 0) await contents.ReadAsync([inode], new StreamSink(output), cancellation);
            }

            NamedImage.ReportFetched(contents);
            return ExitCodes.Success;
        });
        return command;
    }
}
