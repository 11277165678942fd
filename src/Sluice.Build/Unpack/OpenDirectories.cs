using System.Runtime.InteropServices;
using Sluice.Formats;
using Sluice.Formats.Trees;

namespace Sluice.Build.Unpack;

/// <summary>
/// The directory that is being filled and its parents, each opened relative to the one above without following links: whatever
/// happens to names in the meantime, what is written stays below the root. Moving to a directory nearby reopens little.
/// </summary>
internal sealed unsafe class OpenDirectories : IDisposable
{
    private readonly List<(FileName Name, int Descriptor)> _open = [];

    /// <param name="root">An existing directory.</param>
    /// <exception cref="SluiceException">It can't be opened.</exception>
    public OpenDirectories(string root)
    {
        byte[] path = ZeroTerminated(new FileName(root));
        fixed (byte* pointer = path)
        {
            int descriptor = Posix.OpenAt(Posix.CurrentDirectory, pointer, Posix.ReadOnly | Posix.DirectoryOnly | Posix.CloseOnExec, 0);
            if (descriptor < 0) throw Failure(root);
            _open.Add((default, descriptor));
        }
    }

    /// <summary>A descriptor of the directory at <paramref name="path"/>, valid until the next call.</summary>
    /// <param name="path">Absolute in the image.</param>
    public int Open(ReadOnlySpan<byte> path)
    {
        int depth = 0;
        while (!(path = path.TrimStart((byte)'/')).IsEmpty)
        {
            int end = path.IndexOf((byte)'/');
            ReadOnlySpan<byte> name = end < 0 ? path : path[..end];
            path = path[name.Length..];
            depth++;
            if (depth < _open.Count && _open[depth].Name.Bytes.SequenceEqual(name)) continue;
            CloseFrom(depth);
            _open.Add((new FileName(name), OpenChild(_open[depth - 1].Descriptor, new FileName(name))));
        }

        return _open[depth].Descriptor;
    }

    /// <summary>The directory that holds <paramref name="path"/>, and the name in it, with a zero byte at the end.</summary>
    public (int Directory, byte[] Name) OpenParent(FileName path)
    {
        int slash = path.Bytes.LastIndexOf((byte)'/');
        return (Open(path.Bytes[..slash]), ZeroTerminated(new FileName(path.Bytes[(slash + 1)..])));
    }

    public void Dispose() => CloseFrom(0);

    public static byte[] ZeroTerminated(FileName name)
    {
        byte[] bytes = new byte[name.Length + 1];
        name.Bytes.CopyTo(bytes);
        return bytes;
    }

    /// <summary>The error of the last call, about <paramref name="path"/>.</summary>
    public static SluiceException Failure(string path) =>
        new(SluiceError.Disk, path, Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));

    private static int OpenChild(int parent, FileName name)
    {
        fixed (byte* pointer = ZeroTerminated(name))
        {
            int descriptor = Posix.OpenAt(parent, pointer, Posix.ReadOnly | Posix.DirectoryOnly | Posix.NoFollow | Posix.CloseOnExec, 0);
            return descriptor < 0 ? throw Failure(name.ToString()) : descriptor;
        }
    }

    private void CloseFrom(int depth)
    {
        for (int i = _open.Count - 1; i >= depth; i--)
        {
            _ = Posix.Close(_open[i].Descriptor);
            _open.RemoveAt(i);
        }
    }
}
