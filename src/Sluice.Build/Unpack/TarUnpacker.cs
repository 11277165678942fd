using Sluice.Build.Look;
using Sluice.Formats;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Build.Unpack;

/// <summary>
/// Writes an image as one tar: directories, special files, then files in the order in which their content is stored, so that the
/// image is read front to back; hard links at the end. The same image gives the same bytes.
/// </summary>
public sealed class TarUnpacker(ImageContents image, Stream output)
{
    private readonly UnpackWarnings _warnings = new();

    /// <exception cref="SluiceException">The image's source failed, or its content is corrupt. The tar has no end then.</exception>
    public async Task<UnpackResult> RunAsync(CancellationToken cancellation)
    {
        var names = new TreeNames(image.Root);
        using TarWriter tar = new(output, leaveOpen: true);
        foreach (TreeEntry directory in names.Directories) Write(tar, Entry(directory.Path, directory.Inode));
        foreach (TreeEntry entry in names.Others)
        {
            if (entry.Inode.Type == FileType.Socket) _warnings.Add("a tar can't hold a socket", PrintableName.Of(entry.Path));
            else Write(tar, Entry(entry.Path, entry.Inode));
        }

        var sink = new TarSink(tar, names.First);
        await image.ReadAsync(names.Files, sink, cancellation);
        foreach (TreeEntry link in names.Links)
        {
            if (link.Inode.Type != FileType.Socket) Write(tar, Link(link.Path, names.First[link.Inode]));
        }

        tar.Finish();
        return new UnpackResult(names.Count, sink.ContentBytes, _warnings.ToLines());
    }

    private static void Write(TarWriter tar, TarEntry entry)
    {
        try
        {
            tar.WriteEntry(entry);
        }
        catch (ArgumentException exception)
        {
            throw new SluiceException(SluiceError.Image, "tar", exception.Message, inner: exception);
        }
    }

    private static TarEntry Entry(FileName path, Inode inode) => new()
    {
        Path = Relative(path),
        Type = (TarEntryType)inode.Type,
        LinkTarget = inode.LinkTarget,
        Mode = inode.Mode,
        UserId = inode.UserId,
        GroupId = inode.GroupId,
        ModificationTime = inode.ModificationTime,
        Size = inode.Type == FileType.Regular ? inode.Size : 0,
        Device = inode.Device,
        ExtendedAttributes = inode.ExtendedAttributes,
    };

    private static TarEntry Link(FileName path, FileName target) => new() { Path = Relative(path), Type = TarEntryType.HardLink, LinkTarget = Relative(target) };

    private static FileName Relative(FileName path) => new(path.Bytes[1..]);

    private sealed class TarSink(TarWriter tar, Dictionary<Inode, FileName> paths) : IFileSink
    {
        public long ContentBytes { get; private set; }

        public ValueTask BeginAsync(Inode file, CancellationToken cancellation)
        {
            Write(tar, Entry(paths[file], file));
            return ValueTask.CompletedTask;
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
        {
            tar.WriteContent(piece.Span);
            ContentBytes += piece.Length;
            return ValueTask.CompletedTask;
        }

        public ValueTask EndAsync(CancellationToken cancellation) => ValueTask.CompletedTask;
    }
}
