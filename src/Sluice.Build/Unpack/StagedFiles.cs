using System.Globalization;
using Sluice.Build.Look;
using Sluice.Formats;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Build.Unpack;

/// <summary>
/// Files of a layer whose places are not known yet, as a later entry may still replace them: each has its content and attributes, and a number for a name. No name of the layer is used before all of
/// them are known. Files of one directory lie in one here, too: ext4 gives the files of a directory inodes of one group, and looks for a free one in all of it when many were freed lately (measured:
/// half of the time of an unpacking, with all files in one directory).
/// </summary>
internal sealed unsafe class StagedFiles(string directory, InodeAttributes attributes) : IDisposable
{
    private const int BufferLength = 256 << 10;

    private readonly OpenDirectories _open = new(directory);
    private readonly Dictionary<FileName, int> _directories = [];
    private readonly Dictionary<Inode, FileName> _paths = new(ReferenceEqualityComparer.Instance);
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferLength);

    /// <summary>Stores the content of an entry; the reader stands at it. Holes stay holes.</summary>
    /// <exception cref="SluiceException">The disk failed, or the archive ends too early.</exception>
    public void Add(Inode file, TarReader tar, FileName path, CancellationToken cancellation)
    {
        string printable = PrintableName.Of(path);
        var staged = new FileName(string.Create(CultureInfo.InvariantCulture, $"/{DirectoryOf(path)}/{_paths.Count}"));
        (int parent, byte[] name) = _open.OpenParent(staged);
        int descriptor;
        fixed (byte* pointer = name) descriptor = Posix.OpenAt(parent, pointer, Posix.WriteNew | Posix.NoFollow | Posix.CloseOnExec, 0x180 /* 0600 */);
        if (descriptor < 0) throw OpenDirectories.Failure(printable);
        try
        {
            Copy(tar, descriptor, file.Size, printable, cancellation);
        }
        finally
        {
            _ = Posix.Close(descriptor);
        }

        attributes.Set(parent, name, file, printable);
        _paths.Add(file, staged);
    }

    /// <summary>Gives a file its place.</summary>
    public void Move(Inode file, OpenDirectories tree, FileName path)
    {
        (int oldParent, byte[] oldName) = _open.OpenParent(_paths[file]);
        (int parent, byte[] name) = tree.OpenParent(path);
        fixed (byte* from = oldName, to = name)
        {
            if (Posix.RenameAt(oldParent, from, parent, to) != 0) throw OpenDirectories.Failure(PrintableName.Of(path));
        }
    }

    public void Dispose() => _open.Dispose();

    /// <summary>The number of the directory for files beside <paramref name="path"/>; made for the first.</summary>
    private int DirectoryOf(FileName path)
    {
        int slash = path.Bytes.LastIndexOf((byte)'/');
        FileName parent = slash < 0 ? default : new FileName(path.Bytes[..slash]);
        if (_directories.TryGetValue(parent, out int number)) return number;
        number = _directories.Count;
        fixed (byte* pointer = OpenDirectories.ZeroTerminated(new FileName(string.Create(CultureInfo.InvariantCulture, $"{number}"))))
        {
            if (Posix.MakeDirectoryAt(_open.Open("/"u8), pointer, 0x1C0 /* 0700 */) != 0) throw OpenDirectories.Failure(PrintableName.Of(path));
        }

        _directories.Add(parent, number);
        return number;
    }

    private void Copy(TarReader tar, int descriptor, long size, string path, CancellationToken cancellation)
    {
        long position = 0;
        bool endsInHole = false;
        while (position < size)
        {
            cancellation.ThrowIfCancellationRequested();
            endsInHole = tar.HoleLength > 0;
            if (endsInHole)
            {
                position += tar.SkipContent(tar.HoleLength);
                continue;
            }

            int length = tar.ReadContent(_buffer);
            for (int done = 0; done < length;)
            {
                nint written;
                fixed (byte* pointer = &_buffer[done]) written = Posix.WriteAt(descriptor, pointer, (nuint)(length - done), position + done);
                if (written < 0) throw OpenDirectories.Failure(path);
                done += (int)written;
            }

            position += length;
        }

        if (endsInHole && Posix.SetLength(descriptor, size) != 0) throw OpenDirectories.Failure(path);
    }
}
