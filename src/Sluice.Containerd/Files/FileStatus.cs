using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Sluice.Containerd.Files;

/// <summary>What statx(2) says about a file, as far as snapshots need it.</summary>
/// <param name="Mode">Type and permission bits.</param>
/// <param name="Blocks">Allocated blocks of 512 bytes.</param>
internal readonly record struct FileStatus(uint Mode, uint User, uint Group, ulong Device, ulong Inode, long Blocks)
{
    private const uint BasicStatistics = 0x7ff;
    private const int StructureLength = 256;

    public uint Permissions => Mode & 0xfff;

    public bool IsDirectory => (Mode & 0xf000) == 0x4000;

    public bool IsSocket => (Mode & 0xf000) == 0xc000;

    /// <returns>False when the file does not exist (any more).</returns>
    public static unsafe bool TryRead(string path, out FileStatus status)
    {
        fixed (byte* name = DirectoryHandle.Terminated(Encoding.UTF8.GetBytes(path)))
        {
            return TryRead(Libc.AtCurrentDirectory, name, 0, out status);
        }
    }

    /// <param name="name">Ends with a zero byte.</param>
    public static unsafe bool TryRead(DirectoryHandle directory, byte[] name, out FileStatus status)
    {
        fixed (byte* pointer = name) return TryRead(directory.Descriptor, pointer, Libc.AtSymlinkNoFollow, out status);
    }

    private static unsafe bool TryRead(int directory, byte* name, int flags, out FileStatus status)
    {
        byte* buffer = stackalloc byte[StructureLength];
        status = default;
        if (Libc.StatX(directory, name, flags, BasicStatistics, buffer) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error is Libc.NoEntry or Libc.NotDirectory) return false;
            throw Libc.Error($"stat {Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name))}", error);
        }

        // struct statx: uid 20, gid 24, mode 28 (u16), ino 32, blocks 48, dev_major 136, dev_minor 140.
        ReadOnlySpan<byte> fields = new(buffer, StructureLength);
        status = new FileStatus(
            Mode: BinaryPrimitives.ReadUInt16LittleEndian(fields[28..]),
            User: BinaryPrimitives.ReadUInt32LittleEndian(fields[20..]),
            Group: BinaryPrimitives.ReadUInt32LittleEndian(fields[24..]),
            Device: BinaryPrimitives.ReadUInt64LittleEndian(fields[136..]),
            Inode: BinaryPrimitives.ReadUInt64LittleEndian(fields[32..]),
            Blocks: BinaryPrimitives.ReadInt64LittleEndian(fields[48..]));
        return true;
    }
}
