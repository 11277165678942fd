using System.Runtime.InteropServices;
using Sluice.Build.Look;
using Sluice.Formats;
using Sluice.Formats.Trees;

namespace Sluice.Build.Unpack;

/// <summary>
/// Unpacks an image into a new or empty directory. As root the files get owners, devices and all attributes; as another user what is
/// possible, and warnings for the rest. Nothing is written through a link: every step is relative to a directory that was made and
/// opened here.
/// </summary>
public sealed class DirectoryUnpacker(ImageContents image, string directory)
{
    private readonly UnpackWarnings _warnings = new();

    /// <exception cref="SluiceException">The directory is not empty, the disk or the image's source failed, or content is corrupt. What was unpacked until then stays.</exception>
    public async Task<UnpackResult> RunAsync(CancellationToken cancellation)
    {
        Prepare();
        var names = new TreeNames(image.Root);
        using var open = new OpenDirectories(directory);
        var attributes = new InodeAttributes(_warnings);
        foreach (TreeEntry entry in names.Directories.Skip(1)) MakeDirectory(open, entry.Path);
        foreach (TreeEntry entry in names.Others)
        {
            cancellation.ThrowIfCancellationRequested();
            MakeOther(open, attributes, entry);
        }

        var sink = new DirectorySink(open, attributes, names.First);
        await image.ReadAsync(names.Files, sink, cancellation);
        using (var from = new OpenDirectories(directory))
        {
            foreach (TreeEntry link in names.Links) MakeLink(from, open, names.First[link.Inode], link.Path);
        }

        // Last, and from below: entries change a directory's time, and its mode may lock us out.
        for (int i = names.Directories.Count - 1; i > 0; i--) Finish(open, attributes, names.Directories[i]);
        attributes.Set(open.Open("/"u8), ".\0"u8.ToArray(), image.Root, "/");
        return new UnpackResult(names.Count, sink.ContentBytes, _warnings.ToLines());
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

    private static unsafe void MakeDirectory(OpenDirectories open, FileName path)
    {
        (int parent, byte[] name) = open.OpenParent(path);
        fixed (byte* pointer = name)
        {
            if (Posix.MakeDirectoryAt(parent, pointer, 0x1C0 /* 0700 */) != 0) throw OpenDirectories.Failure(PrintableName.Of(path));
        }
    }

    private static void Finish(OpenDirectories open, InodeAttributes attributes, TreeEntry entry)
    {
        (int parent, byte[] name) = open.OpenParent(entry.Path);
        attributes.Set(parent, name, entry.Inode, PrintableName.Of(entry.Path));
    }

    private unsafe void MakeOther(OpenDirectories open, InodeAttributes attributes, TreeEntry entry)
    {
        (int parent, byte[] name) = open.OpenParent(entry.Path);
        string path = PrintableName.Of(entry.Path);
        fixed (byte* pointer = name, target = OpenDirectories.ZeroTerminated(entry.Inode.LinkTarget))
        {
            int result = entry.Inode.Type == FileType.SymbolicLink
                ? Posix.SymbolicLinkAt(target, parent, pointer)
                : Posix.MakeNodeAt(parent, pointer, (uint)entry.Inode.Type | 0x180 /* 0600 */, Posix.Device(entry.Inode.Device.Major, entry.Inode.Device.Minor));
            if (result != 0)
            {
                bool device = entry.Inode.Type is FileType.CharacterDevice or FileType.BlockDevice;
                if (!device || Marshal.GetLastPInvokeError() != Posix.NotPermitted) throw OpenDirectories.Failure(path);
                _warnings.Add("only root can make devices", path);
                return;
            }
        }

        attributes.Set(parent, name, entry.Inode, path);
    }

    private unsafe void MakeLink(OpenDirectories from, OpenDirectories to, FileName target, FileName path)
    {
        (int oldParent, byte[] oldName) = from.OpenParent(target);
        (int parent, byte[] name) = to.OpenParent(path);
        fixed (byte* oldPointer = oldName, pointer = name)
        {
            if (Posix.LinkAt(oldParent, oldPointer, parent, pointer, 0) == 0) return;
        }

        // Another name of a device that could not be made.
        const int NoEntry = 2;
        if (Marshal.GetLastPInvokeError() != NoEntry) throw OpenDirectories.Failure(PrintableName.Of(path));
        _warnings.Add("only root can make devices", PrintableName.Of(path));
    }
}
