using System.Runtime.InteropServices;
using System.Text;
using Sluice.Formats;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Mounts;

/// <summary>
/// A file system being configured (fsopen(2)). Unlike mount(2), whose options end after one page, it takes any number of
/// devices, and it says in words what it does not like.
/// </summary>
internal sealed class FileSystemContext : IDisposable
{
    /// <summary>fsconfig(2) takes values of at most 255 bytes.</summary>
    public const int ValueLimit = 255;

    private readonly List<int> _opened = [];
    private readonly string _culprit;
    private readonly int _context;

    public FileSystemContext(string type, string culprit)
    {
        _culprit = culprit;
        _context = Libc.FsOpen(type);
        if (_context >= 0) return;
        int errno = Marshal.GetLastPInvokeError();
        throw errno switch
        {
            Errno.ENODEV => KernelError.Of(errno, culprit, $"the kernel has no {type}", $"modprobe {type}"),
            Errno.ENOSYS => KernelError.Of(errno, culprit, "the kernel has no fsopen", "Linux 5.2 or newer is needed"),
            Errno.EPERM => KernelError.Of(errno, culprit, "mounting is not allowed", "run as root"),
            _ => KernelError.Of(errno, culprit, $"{type} is not available"),
        };
    }

    public void SetFlag(string key) => Check(Libc.FsConfig(_context, Libc.FSCONFIG_SET_FLAG, key, null), key);

    public void Set(string key, string value) => Check(Libc.FsConfig(_context, Libc.FSCONFIG_SET_STRING, key, value), $"{key}={value}");

    /// <summary>Sets an option whose value is a path of any length.</summary>
    public void SetPath(string key, string path) => Set(key, Encoding.UTF8.GetByteCount(path) <= ValueLimit ? path : Shorten(path));

    /// <summary>Makes the file system; the first call that reads the image.</summary>
    public void Create(Func<int, string?> hint)
    {
        if (Libc.FsConfig(_context, Libc.FSCONFIG_CMD_CREATE, null, null) == 0) return;
        int errno = Marshal.GetLastPInvokeError();
        throw KernelError.Of(errno, _culprit, $"mount refused{Complaints()}", hint(errno));
    }

    public void MoveTo(string target, uint attributes)
    {
        int mount = Libc.FsMount(_context, attributes);
        if (mount < 0) throw KernelError.Last(_culprit, $"mount refused{Complaints()}");
        int moved = Libc.MoveMount(mount, target);
        SluiceException? refused = moved == 0 ? null : KernelError.Last(target, "can't be mounted on", "the directory must exist");
        Libc.Close(mount);
        if (refused is not null) throw refused;
    }

    public void Dispose()
    {
        foreach (int fd in _opened) Libc.Close(fd);
        Libc.Close(_context);
    }

    private void Check(int result, string option)
    {
        if (result != 0) throw KernelError.Last(_culprit, $"option {option} refused{Complaints()}");
    }

    private string Shorten(string path)
    {
        int fd = Libc.Open(path, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        if (fd < 0) throw KernelError.Last(path, "can't be opened");
        _opened.Add(fd);
        return $"/proc/self/fd/{fd}";
    }

    /// <summary>The kernel's own words: one message per read, "e " in front of errors. Keeps the errno of the caller.</summary>
    private unsafe string Complaints()
    {
        int errno = Marshal.GetLastPInvokeError();
        var text = new StringBuilder();
        byte* buffer = stackalloc byte[512];
        while (Libc.Read(_context, buffer, 512) is > 2 and var length)
        {
            text.Append(": ").Append(Encoding.UTF8.GetString(buffer + 2, (int)length - 2).TrimEnd());
        }

        Marshal.SetLastPInvokeError(errno);
        return text.ToString();
    }
}
