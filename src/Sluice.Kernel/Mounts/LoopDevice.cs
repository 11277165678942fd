using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>
/// A loop device over a file, with direct I/O so that nothing is cached twice. Unless it is told to stay, it detaches itself when the last
/// user (the mount, once it stands) is gone. linux/loop.h.
/// <code>
/// loop_config   0 u32 fd | 4 u32 block_size | 8 loop_info64 (232) | 240 u64[8] reserved
/// loop_info64  24 u64 lo_offset | 32 u64 lo_sizelimit | 52 u32 lo_flags | 56 u8[64] lo_file_name
/// </code>
/// </summary>
internal sealed class LoopDevice : IDisposable
{
    private const nuint GetFree = 0x4C82;
    private const nuint Configure = 0x4C0A;
    private const nuint GetStatus64 = 0x4C05;
    private const int ConfigSize = 304;
    private const int InfoOffset = 8;
    private const int InfoSize = 232;
    private const int FlagsOffset = 52;
    private const int FileNameOffset = 56;
    private const int FileNameLimit = 63;
    private const uint ReadOnly = 1;
    private const uint AutoClear = 4;
    private const uint DirectIo = 16;

    /// <summary>Between GET_FREE and CONFIGURE another process may take the device.</summary>
    private const int Attempts = 64;

    private readonly int _device;

    private LoopDevice(int device, string path, bool isDirect)
    {
        _device = device;
        Path = path;
        IsDirect = isDirect;
    }

    public string Path { get; }

    /// <summary>False when the kernel silently dropped direct I/O because block sizes do not fit.</summary>
    public bool IsDirect { get; }

    public string Bdi => $"/sys/block/{System.IO.Path.GetFileName(Path)}/bdi";

    /// <param name="blockSize">Bytes of a sector of the device: 512 to 4096.</param>
    /// <param name="stays">Until <see cref="LoopDevices.Detach"/>.</param>
    public static LoopDevice Attach(string file, int blockSize, bool writable = false, bool stays = false)
    {
        int backing = Libc.Open(file, AccessOf(writable) | Libc.O_CLOEXEC, 0);
        if (backing < 0) throw KernelError.Last(file, "can't be opened");
        int control = Libc.Open("/dev/loop-control", Libc.O_RDWR | Libc.O_CLOEXEC, 0);
        try
        {
            if (control < 0) throw KernelError.Last("/dev/loop-control", "can't be opened", "modprobe loop; run as root");
            for (int attempt = 0; attempt < Attempts; attempt++)
            {
                int number = Libc.Ioctl(control, GetFree, 0);
                if (number < 0) throw KernelError.Last("/dev/loop-control", "no free loop device");
                if (TryAttach($"/dev/loop{number}", backing, file, blockSize, (writable ? 0 : ReadOnly) | (stays ? 0 : AutoClear) | DirectIo) is { } device) return device;
            }

            throw KernelError.Of(Errno.EBUSY, "/dev/loop-control", $"no free loop device in {Attempts} attempts");
        }
        finally
        {
            if (control >= 0) Libc.Close(control);
            Libc.Close(backing);
        }
    }

    public void Dispose() => Libc.Close(_device);

    private static int AccessOf(bool writable) => writable ? Libc.O_RDWR : Libc.O_RDONLY;

    private static unsafe LoopDevice? TryAttach(string path, int backing, string file, int blockSize, uint flags)
    {
        int device = Libc.Open(path, AccessOf((flags & ReadOnly) == 0) | Libc.O_CLOEXEC, 0);
        if (device < 0) throw KernelError.Last(path, "can't be opened");
        byte* config = stackalloc byte[ConfigSize];
        var bytes = new Span<byte>(config, ConfigSize);
        bytes.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)backing);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], (uint)blockSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[(InfoOffset + FlagsOffset)..], flags);
        byte[] name = Encoding.UTF8.GetBytes(file);
        name.AsSpan(0, Math.Min(name.Length, FileNameLimit)).CopyTo(bytes[(InfoOffset + FileNameOffset)..]);
        if (Libc.Ioctl(device, Configure, config) == 0)
        {
            var info = new Span<byte>(config, InfoSize);
            bool isDirect = Libc.Ioctl(device, GetStatus64, config) == 0
                && (BinaryPrimitives.ReadUInt32LittleEndian(info[FlagsOffset..]) & DirectIo) != 0;
            return new LoopDevice(device, path, isDirect);
        }

        int errno = Marshal.GetLastPInvokeError();
        Libc.Close(device);
        return errno == Errno.EBUSY ? null : throw KernelError.Of(errno, file, $"{path} can't be set up");
    }
}
