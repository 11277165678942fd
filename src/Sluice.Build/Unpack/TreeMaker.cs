using System.Runtime.InteropServices;
using Sluice.Build.Look;
using Sluice.Formats;
using Sluice.Formats.Trees;

namespace Sluice.Build.Unpack;

/// <summary>
/// Makes a tree in a directory, all but the content of its files: first what files lie in, then, when they are there, what refers to them. Nothing is written through a link: every step is relative to a
/// directory that was made and opened here.
/// </summary>
internal sealed class TreeMaker : IDisposable
{
    private readonly string _directory;
    private readonly Inode _root;
    private readonly UnpackWarnings _warnings;

    /// <param name="directory">Empty.</param>
    public TreeMaker(string directory, Inode root, UnpackWarnings warnings)
    {
        (_directory, _root, _warnings) = (directory, root, warnings);
        Names = new TreeNames(root);
        Open = new OpenDirectories(directory);
        Attributes = new InodeAttributes(warnings);
    }

    public TreeNames Names { get; }

    /// <summary>Where files go.</summary>
    public OpenDirectories Open { get; }

    public InodeAttributes Attributes { get; }

    /// <summary>Directories, and everything else that has no content.</summary>
    public void Begin(CancellationToken cancellation)
    {
        foreach (TreeEntry entry in Names.Directories.Skip(1)) MakeDirectory(entry.Path);
        foreach (TreeEntry entry in Names.Others)
        {
            cancellation.ThrowIfCancellationRequested();
            MakeOther(entry);
        }
    }

    /// <summary>When the files of <see cref="TreeNames.Files"/> are there: further names, and the attributes of directories.</summary>
    public void End()
    {
        using (var from = new OpenDirectories(_directory))
        {
            foreach (TreeEntry link in Names.Links) MakeLink(from, Names.First[link.Inode], link.Path);
        }

        // Last, and from below: entries change a directory's time, and its mode may lock us out.
        for (int i = Names.Directories.Count - 1; i > 0; i--) Finish(Names.Directories[i]);
        Attributes.Set(Open.Open("/"u8), ".\0"u8.ToArray(), _root, "/");
    }

    public void Dispose() => Open.Dispose();

    private unsafe void MakeDirectory(FileName path)
    {
        (int parent, byte[] name) = Open.OpenParent(path);
        fixed (byte* pointer = name)
        {
            if (Posix.MakeDirectoryAt(parent, pointer, 0x1C0 /* 0700 */) != 0) throw OpenDirectories.Failure(PrintableName.Of(path));
        }
    }

    private void Finish(TreeEntry entry)
    {
        (int parent, byte[] name) = Open.OpenParent(entry.Path);
        Attributes.Set(parent, name, entry.Inode, PrintableName.Of(entry.Path));
    }

    private unsafe void MakeOther(TreeEntry entry)
    {
        (int parent, byte[] name) = Open.OpenParent(entry.Path);
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

        Attributes.Set(parent, name, entry.Inode, path);
    }

    private unsafe void MakeLink(OpenDirectories from, FileName target, FileName path)
    {
        (int oldParent, byte[] oldName) = from.OpenParent(target);
        (int parent, byte[] name) = Open.OpenParent(path);
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
