using Microsoft.Win32.SafeHandles;
using Sluice.Build.Look;
using Sluice.Formats;
using Sluice.Formats.Trees;

namespace Sluice.Build.Unpack;

/// <summary>Makes regular files in the directories that are there already. Pieces of zeros become holes.</summary>
internal sealed class DirectorySink(OpenDirectories open, InodeAttributes attributes, Dictionary<Inode, FileName> paths) : IFileSink
{
    private SafeFileHandle? _handle;
    private Inode? _file;
    private long _position;

    public long ContentBytes { get; private set; }

    public ValueTask BeginAsync(Inode file, CancellationToken cancellation)
    {
        _file = file;
        _position = 0;
        _handle = Create(paths[file]);
        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        try
        {
            if (piece.Span.ContainsAnyExcept((byte)0)) RandomAccess.Write(_handle!, piece.Span, _position);
        }
        catch (IOException exception)
        {
            throw new SluiceException(SluiceError.Disk, PrintableName.Of(paths[_file!]), exception.Message, inner: exception);
        }

        _position += piece.Length;
        ContentBytes += piece.Length;
        return ValueTask.CompletedTask;
    }

    public ValueTask EndAsync(CancellationToken cancellation)
    {
        FileName path = paths[_file!];
        RandomAccess.SetLength(_handle!, _position);
        _handle!.Dispose();
        (int parent, byte[] name) = open.OpenParent(path);
        attributes.Set(parent, name, _file!, PrintableName.Of(path));
        return ValueTask.CompletedTask;
    }

    private unsafe SafeFileHandle Create(FileName path)
    {
        (int parent, byte[] name) = open.OpenParent(path);
        fixed (byte* pointer = name)
        {
            int descriptor = Posix.OpenAt(parent, pointer, Posix.WriteNew | Posix.NoFollow | Posix.CloseOnExec, 0x180 /* 0600 */);
            return descriptor < 0 ? throw OpenDirectories.Failure(PrintableName.Of(path)) : new SafeFileHandle(descriptor, ownsHandle: true);
        }
    }
}
