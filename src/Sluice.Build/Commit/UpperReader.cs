using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Sluice.Build.Unpack;
using Sluice.Formats;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Build.Commit;

/// <summary>One open directory of an overlayfs upper. Nothing follows a symbolic link.</summary>
internal sealed unsafe class UpperReader : IDisposable
{
    private const int BufferLength = 32 << 10;
    private const int MaxAttribute = 64 << 10;

    private readonly int _descriptor;

    private UpperReader(int descriptor, string path) => (_descriptor, Path) = (descriptor, path);

    /// <summary>For messages.</summary>
    public string Path { get; }

    /// <exception cref="SluiceException"><see cref="SluiceError.Disk"/>: can't be opened. So throw all members.</exception>
    public static UpperReader Open(string path) => Open(Posix.CurrentDirectory, new FileName(path), path);

    public UpperReader Open(FileName name) => Open(_descriptor, name, $"{Path}/{name}");

    /// <summary>Names in bytewise order.</summary>
    public IReadOnlyList<FileName> Names()
    {
        List<FileName> names = [];
        byte* buffer = stackalloc byte[BufferLength];
        while (true)
        {
            nint length = Calls.ReadDirectory(_descriptor, buffer, BufferLength);
            if (length < 0) throw Failure(Path);
            if (length == 0) break;
            for (int offset = 0; offset < length;)
            {
                // struct linux_dirent64: ino 0, off 8, reclen 16 (u16), type 18, name 19.
                ReadOnlySpan<byte> name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(buffer + offset + 19);
                if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8)) names.Add(new FileName(name));
                offset += BinaryPrimitives.ReadUInt16LittleEndian(new ReadOnlySpan<byte>(buffer + offset + 16, 2));
            }
        }

        names.Sort();
        return names;
    }

    /// <summary>Null: it is gone.</summary>
    public UpperNode? Find(FileName name)
    {
        byte* status = stackalloc byte[UpperNode.StatusLength];
        fixed (byte* pointer = OpenDirectories.ZeroTerminated(name))
        {
            if (Calls.StatX(_descriptor, pointer, Posix.LinkNoFollow, Calls.BasicStatistics, status) != 0)
            {
                const int noEntry = 2;
                return Marshal.GetLastPInvokeError() == noEntry ? null : throw Failure($"{Path}/{name}");
            }
        }

        return UpperNode.Read(new ReadOnlySpan<byte>(status, UpperNode.StatusLength), Attributes(name));
    }

    /// <summary>The directory itself.</summary>
    public UpperNode Self() => Find(new FileName("."))!;

    public FileName ReadLink(FileName name)
    {
        byte[] target = new byte[4096];
        nint length;
        fixed (byte* pointer = OpenDirectories.ZeroTerminated(name), buffer = target) length = Calls.ReadLink(_descriptor, pointer, buffer, (nuint)target.Length);
        return length < 0 ? throw Failure($"{Path}/{name}") : new FileName(target.AsSpan(0, (int)length));
    }

    /// <summary>Opens a regular file for <see cref="Runs"/> and <see cref="Read"/>; to be closed with <see cref="Posix.Close"/>. Never waits for the other side of a pipe.</summary>
    /// <param name="expected">What <see cref="Find"/> has found there.</param>
    public int OpenFile(FileName name, UpperNode expected)
    {
        byte* status = stackalloc byte[UpperNode.StatusLength];
        byte none = 0;
        fixed (byte* pointer = OpenDirectories.ZeroTerminated(name))
        {
            int file = Posix.OpenAt(_descriptor, pointer, Posix.ReadOnly | Calls.NonBlocking | Posix.NoFollow | Posix.CloseOnExec, 0);
            if (file < 0) throw Failure($"{Path}/{name}");
            bool isThere = Calls.StatX(file, &none, Calls.OfDescriptor, Calls.BasicStatistics, status) == 0;
            UpperNode? found = isThere ? UpperNode.Read(new ReadOnlySpan<byte>(status, UpperNode.StatusLength), []) : null;
            if (found?.Type == FileType.Regular && found.Identity == expected.Identity) return file;
            _ = Posix.Close(file);
            throw new SluiceException(SluiceError.Runtime, $"{Path}/{name}", "was replaced while it was read", "stop the container or its writers, then try again");
        }
    }

    /// <summary>The parts of a file that are not holes; null if they are more than <paramref name="limit"/>.</summary>
    public static List<SparseRun>? Runs(int file, long size, int limit, string path)
    {
        List<SparseRun> runs = [];
        for (long at = 0; at < size;)
        {
            if (runs.Count > limit) return null;
            long start = Calls.Seek(file, at, Calls.SeekData);
            if (start < 0 && Marshal.GetLastPInvokeError() == Calls.NoDevice) break;
            long end = start < 0 ? -1 : Calls.Seek(file, start, Calls.SeekHole);
            if (end < 0) throw Failure(path);
            if (start >= size) break;
            end = Math.Min(end, size);
            runs.Add(new SparseRun(start, end - start));
            at = end;
        }

        return runs.Count > limit ? null : runs;
    }

    /// <returns>Bytes; fewer than asked for at the end of the file only.</returns>
    public static int Read(int file, long offset, Span<byte> buffer, string path)
    {
        int done = 0;
        while (done < buffer.Length)
        {
            nint count;
            fixed (byte* pointer = buffer[done..]) count = Calls.Read(file, pointer, (nuint)(buffer.Length - done), offset + done);
            if (count < 0) throw Failure(path);
            if (count == 0) break;
            done += (int)count;
        }

        return done;
    }

    public void Dispose() => _ = Posix.Close(_descriptor);

    private static UpperReader Open(int parent, FileName name, string path)
    {
        fixed (byte* pointer = OpenDirectories.ZeroTerminated(name))
        {
            int descriptor = Posix.OpenAt(parent, pointer, Posix.ReadOnly | Posix.DirectoryOnly | Posix.NoFollow | Posix.CloseOnExec, 0);
            return descriptor < 0 ? throw Failure(path) : new UpperReader(descriptor, path);
        }
    }

    /// <summary>There is no call for attributes by directory and name: the directory's own entry in /proc serves.</summary>
    private ExtendedAttribute[] Attributes(FileName name)
    {
        byte[] path = [.. Encoding.ASCII.GetBytes($"/proc/self/fd/{_descriptor}/"), .. name.Bytes, 0];
        byte[] buffer = new byte[MaxAttribute];
        List<ExtendedAttribute> attributes = [];
        fixed (byte* pathPointer = path)
        {
            nint length;
            fixed (byte* names = buffer) length = Calls.ListAttributes(pathPointer, names, (nuint)buffer.Length);
            if (length < 0) return Marshal.GetLastPInvokeError() == Calls.NotSupported ? [] : throw Failure($"{Path}/{name}");
            byte[] all = buffer[..(int)length];
            foreach (Range range in all.AsSpan().Split((byte)0))
            {
                ReadOnlySpan<byte> attribute = all.AsSpan(range);
                if (attribute.IsEmpty) continue;
                nint size;
                fixed (byte* key = OpenDirectories.ZeroTerminated(new FileName(attribute)), value = buffer) size = Calls.GetAttribute(pathPointer, key, value, (nuint)buffer.Length);
                if (size >= 0) attributes.Add(new ExtendedAttribute(new FileName(attribute), buffer[..(int)size]));
                else if (Marshal.GetLastPInvokeError() != Calls.NoData) throw Failure($"{Path}/{name}");
            }
        }

        return [.. attributes.OrderBy(attribute => attribute.Name)];
    }

    private static SluiceException Failure(string path) => OpenDirectories.Failure(path);
}
