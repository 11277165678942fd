using System.CommandLine;
using Sluice.Build.Look;
using Sluice.Cli.Output;
using Sluice.Formats.Trees;

namespace Sluice.Cli.Commands;

internal static class ListCommand
{
    public static Command Create()
    {
        var image = new Argument<string>("IMAGE") { Description = "docker://HOST/REPO:TAG, oci:DIR[:TAG] or oci-archive:FILE[:TAG]" };
        var path = new Argument<string>("PATH") { Description = "A file or directory of the image", DefaultValueFactory = _ => "/" };
        var longFormat = new Option<bool>("-l", "--long") { Description = "Mode, links, owner, size and time of every file" };
        var recursive = new Option<bool>("-R", "--recursive") { Description = "Everything below, one full path a line" };
        var json = new Option<bool>("--json") { Description = "One JSON object a line, with all that -l shows" };
        Option<string?> platform = ImageOptions.PlatformOption();
        var images = new ImageOptions();
        var command = new Command("ls", "List files of an image.") { image, path, longFormat, recursive, json, platform };
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using NamedImage named = await NamedImage.OpenAsync(parsed.GetValue(image)!, parsed.GetValue(platform), images.Read(parsed), preferAccelerated: true, cancellation);
            using ImageContents contents = await ImageContents.OpenAsync(named.Stored, window: 0, cancellation);
            var wanted = new FileName(parsed.GetValue(path)!);
            bool details = parsed.GetValue(longFormat);
            Inode inode = ImageLookup.Find(contents, wanted, followLast: !details);
            using (var listing = new FileListing(contents.Root, parsed.GetValue(json) ? ListingForm.Json : details ? ListingForm.Long : ListingForm.Short))
            {
                if (inode.Entries is null) listing.Write(wanted, inode);
                else if (parsed.GetValue(recursive)) listing.WriteTree(wanted, inode, cancellation);
                else foreach ((FileName name, Inode entry) in inode.Entries) listing.Write(name, entry);
            }

            NamedImage.ReportFetched(contents);
            return ExitCodes.Success;
        });
        return command;
    }
}
