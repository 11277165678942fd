using System.CommandLine;
using Sluice.Build.Look;
using Sluice.Build.Unpack;
using Sluice.Cli.Output;

namespace Sluice.Cli.Commands;

internal static class UnpackCommand
{
    private const int Window = 4 << 20;

    public static Command Create()
    {
        var image = new Argument<string>("IMAGE") { Description = "docker://HOST/REPO:TAG, oci:DIR[:TAG] or oci-archive:FILE[:TAG]" };
        var target = new Argument<string>("DIR|TAR") { Description = "A new or empty directory, a file whose name ends in .tar, or - for a tar on standard output" };
        Option<string?> platform = ImageOptions.PlatformOption();
        var images = new ImageOptions();
        var command = new Command("unpack", "Turn an image back into plain files.") { image, target, platform };
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using NamedImage named = await NamedImage.OpenAsync(parsed.GetValue(image)!, parsed.GetValue(platform), images.Read(parsed), preferAccelerated: true, cancellation);
            using ImageContents contents = await ImageContents.OpenAsync(named.Stored, Window, cancellation);
            UnpackResult result = await UnpackAsync(contents, parsed.GetValue(target)!, cancellation);
            foreach (string warning in result.Warnings) Console.Error.WriteLine($"warning: {warning}");
            Console.Error.WriteLine($"{result.Names} names, {ByteSize.Text(result.ContentBytes)} of content");
            NamedImage.ReportFetched(contents);
            return ExitCodes.Success;
        });
        return command;
    }

    private static async Task<UnpackResult> UnpackAsync(ImageContents contents, string target, CancellationToken cancellation)
    {
        bool tar = target == "-" || (target.EndsWith(".tar", StringComparison.OrdinalIgnoreCase) && !Directory.Exists(target));
        if (!tar) return await new DirectoryUnpacker(contents, target).RunAsync(cancellation);
        await using Stream output = target == "-" ? StandardOutput.Open() : File.Create(target);
        return await new TarUnpacker(contents, output).RunAsync(cancellation);
    }
}
