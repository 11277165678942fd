using Sluice.Build.Look;
using Sluice.Formats;

namespace Sluice.Build.Unpack;

/// <summary>
/// Unpacks an image into a new or empty directory. As root the files get owners, devices and all attributes; as another user what is
/// possible, and warnings for the rest.
/// </summary>
public sealed class DirectoryUnpacker(ImageContents image, string directory)
{
    /// <exception cref="SluiceException">The directory is not empty, the disk or the image's source failed, or content is corrupt. What was unpacked until then stays.</exception>
    public async Task<UnpackResult> RunAsync(CancellationToken cancellation)
    {
        Prepare();
        var warnings = new UnpackWarnings();
        using var tree = new TreeMaker(directory, image.Root, warnings);
        tree.Begin(cancellation);
        var sink = new DirectorySink(tree.Open, tree.Attributes, tree.Names.First);
        await image.ReadAsync(tree.Names.Files, sink, cancellation);
        tree.End();
        return new UnpackResult(tree.Names.Count, sink.ContentBytes, warnings.ToLines());
    }

    private void Prepare()
    {
        try
        {
            Directory.CreateDirectory(directory);
            if (Directory.EnumerateFileSystemEntries(directory).Any()) throw new SluiceException(SluiceError.Usage, directory, "the directory is not empty", "unpack into a new one");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, directory, exception.Message, inner: exception);
        }
    }
}
