using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Sluice.Containerd.Files;

/// <summary>An open directory. Names in and out are raw bytes that end with a zero.</summary>
internal sealed class DirectoryHandle : IDisposable
{
    private const int BufferLength = 32 << 10;

    private DirectoryHandle(int descriptor) => Descriptor = descriptor;

    public int Descriptor { get; private set; }

    /// <returns>Null when there is no directory of this name: missing, another kind of file, a symbolic link.</returns>
    public static DirectoryHandle? TryOpen(string path) => TryOpen(Libc.AtCurrentDirectory, Terminated(Encoding.UTF8.GetBytes(path)));

    public DirectoryHandle? TryOpen(byte[] name) => TryOpen(Descriptor, name);

    public static byte[] Terminated(ReadOnlySpan<byte> name) => [.. name, 0];

    /// <summary>All entries except <c>.</c> and <c>..</c>, with their d_type (0 = the file system does not say).</summary>
    public unsafe List<(byte[] Name, byte Type)> ReadEntries()
    {
        List<(byte[], byte)> entries = [];
        byte* buffer = (byte*)NativeMemory.Alloc(BufferLength);
        try
        {
            while (true)
            {
                nint length = Libc.GetDirectoryEntries(Descriptor, buffer, BufferLength);
                if (length < 0) throw Libc.Error("read directory", Marshal.GetLastPInvokeError());
                if (length == 0) return entries;
                for (int offset = 0; offset < length;)
                {
                    // struct linux_dirent64: ino 0, off 8, reclen 16 (u16), type 18, name 19.
                    byte* entry = buffer + offset;
                    ReadOnlySpan<byte> name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + 19);
                    if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8)) entries.Add((Terminated(name), entry[18]));
                    offset += BinaryPrimitives.ReadUInt16LittleEndian(new ReadOnlySpan<byte>(entry + 16, 2));
                }
            }
        }
        finally
        {
            NativeMemory.Free(buffer);
        }
    }

    public void Dispose()
    {
        if (Descriptor < 0) return;
        _ = Libc.Close(Descriptor);
        Descriptor = -1;
    }

    private static unsafe DirectoryHandle? TryOpen(int parent, byte[] name)
    {
        fixed (byte* path = name)
        {
            int descriptor = Libc.OpenAt(parent, path, Libc.OpenDirectoryNoFollow, 0);
            if (descriptor >= 0) return new DirectoryHandle(descriptor);
            int error = Marshal.GetLastPInvokeError();
            if (error is Libc.NoEntry or Libc.NotDirectory or Libc.TooManyLinks) return null;
            throw Libc.Error($"open {Encoding.UTF8.GetString(name.AsSpan(0, name.Length - 1))}", error);
        }
    }
}
