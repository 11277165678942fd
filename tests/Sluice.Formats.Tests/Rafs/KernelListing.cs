using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>Lists a mounted tree as <see cref="TreeListing"/> lists one of ours, with nothing between it and the kernel's system calls.</summary>
internal static unsafe partial class KernelListing
{
    private const int GetDents64 = 217;
    private const int NoFollow = 0x100;
    private const uint BasicStats = 0x7FF;

    public static List<string> Of(string mountPoint)
    {
        byte[] root = Encoding.UTF8.GetBytes(mountPoint);
        var first = new Dictionary<ulong, FileName>();
        var lines = new List<string>();
        var open = new Stack<FileName>([new FileName("/")]);
        while (open.TryPop(out FileName path))
        {
            byte[] real = [.. root, .. path.Bytes];
            Stat stat = GetStat(real);
            var type = (FileType)(stat.Mode & 0xF000);
            first.TryAdd(stat.Inode, path);
            string content = type == FileType.Regular ? Hash(real) : "";
            FileName target = type == FileType.SymbolicLink ? ReadLink(real) : default;
            var device = new DeviceNumber(stat.DeviceMajor, stat.DeviceMinor);
            string detail = TreeListing.Detail(type, (long)stat.Size, device, target, content, first[stat.Inode]);
            var time = new FileTime(stat.ModificationSeconds, stat.ModificationNanoseconds);
            lines.Add(TreeListing.Line(path, type, stat.Mode & 0xFFF, stat.UserId, stat.GroupId, stat.Links, time, detail, GetXattrs(real)));
            if (type != FileType.Directory) continue;
            foreach (FileName name in GetEntries(real).OrderDescending()) open.Push(TreeWalk.Join(path, name));
        }

        return lines;
    }

    private static Stat GetStat(byte[] path)
    {
        Stat stat;
        fixed (byte* p = Terminated(path)) Check(Statx(-100, p, NoFollow, BasicStats, &stat), path);
        return stat;
    }

    private static string Hash(byte[] path)
    {
        fixed (byte* p = Terminated(path))
        {
            using var handle = new SafeFileHandle(Check(Open(p, 0), path), ownsHandle: true);
            using var stream = new FileStream(handle, FileAccess.Read);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
    }

    private static FileName ReadLink(byte[] path)
    {
        byte[] target = new byte[8192];
        fixed (byte* p = Terminated(path), t = target) return new FileName(target.AsSpan(0, (int)Check(ReadLink(p, t, target.Length), path)));
    }

    private static List<FileName> GetEntries(byte[] path)
    {
        var names = new List<FileName>();
        byte[] buffer = new byte[64 << 10];
        fixed (byte* p = Terminated(path), b = buffer)
        {
            using var handle = new SafeFileHandle(Check(Open(p, 0x10000), path), ownsHandle: true);
            long read;
            while ((read = Check(Call(GetDents64, handle.DangerousGetHandle(), b, buffer.Length), path)) > 0)
            {
                for (int at = 0; at < read; at += BitConverter.ToUInt16(buffer, at + 16))
                {
                    var name = new FileName(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(b + at + 19));
                    if (name.Bytes is not ([(byte)'.'] or [(byte)'.', (byte)'.'])) names.Add(name);
                }
            }
        }

        return names;
    }

    private static List<ExtendedAttribute> GetXattrs(byte[] path)
    {
        var attributes = new List<ExtendedAttribute>();
        byte[] list = new byte[64 << 10], value = new byte[64 << 10];
        fixed (byte* p = Terminated(path), l = list, v = value)
        {
            long length = Check(ListXattr(p, l, list.Length), path);
            for (int at = 0; at < length;)
            {
                var name = new FileName(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(l + at));
                long size = Check(GetXattr(p, l + at, v, value.Length), name.Bytes.ToArray());
                attributes.Add(new ExtendedAttribute(name, value.AsSpan(0, (int)size).ToArray()));
                at += name.Length + 1;
            }
        }

        return [.. attributes.OrderBy(attribute => attribute.Name)];
    }

    private static byte[] Terminated(byte[] path) => [.. path, 0];

    private static nint Check(nint result, byte[] path) =>
        result >= 0 ? result : throw new IOException($"{Encoding.UTF8.GetString(path)}: errno {Marshal.GetLastPInvokeError()}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int Open(byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int Statx(int directory, byte* path, int flags, uint mask, Stat* stat);

    [LibraryImport("libc", EntryPoint = "readlink", SetLastError = true)]
    private static partial nint ReadLink(byte* path, byte* target, nint size);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Call(nint number, nint descriptor, byte* buffer, nint size);

    [LibraryImport("libc", EntryPoint = "llistxattr", SetLastError = true)]
    private static partial nint ListXattr(byte* path, byte* list, nint size);

    [LibraryImport("libc", EntryPoint = "lgetxattr", SetLastError = true)]
    private static partial nint GetXattr(byte* path, byte* name, byte* value, nint size);

    /// <summary>struct statx.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Stat
    {
        [FieldOffset(16)] public uint Links;
        [FieldOffset(20)] public uint UserId;
        [FieldOffset(24)] public uint GroupId;
        [FieldOffset(28)] public ushort Mode;
        [FieldOffset(32)] public ulong Inode;
        [FieldOffset(40)] public ulong Size;
        [FieldOffset(112)] public long ModificationSeconds;
        [FieldOffset(120)] public uint ModificationNanoseconds;
        [FieldOffset(128)] public uint DeviceMajor;
        [FieldOffset(132)] public uint DeviceMinor;
    }
}
