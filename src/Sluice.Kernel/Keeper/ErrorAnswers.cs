using System.Runtime.InteropServices;
using Sluice.Kernel.Fuse;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

/// <summary>
/// Answers what waits on a FUSE connection without a server with EIO, so that nobody waits for ever. It reads through a clone of the descriptor
/// that does not block: the descriptor itself must go on blocking for the server to come, and between poll(2) and read(2) a request can vanish with the one who made
/// it. Nothing is lost with the clone, as every request that it has read is answered before the next.
/// </summary>
internal sealed unsafe class ErrorAnswers : IDisposable
{
    /// <summary><c>FUSE_DEV_IOC_CLONE</c>: _IOR(229, 0, u32).</summary>
    private const nuint Clone = 0x8004e500;

    /// <summary>The kernel refuses to be read with less room than its largest WRITE needs; pages that no request reaches cost nothing.</summary>
    private const int Capacity = FuseLayout.MaxWrite + 64 * 1024;

    /// <summary>At one go, so that the keeper hears a server that comes.</summary>
    private const int Batch = 64;

    private readonly int _clone;
    private readonly byte* _request;

    private ErrorAnswers(int clone)
    {
        _clone = clone;
        _request = (byte*)NativeMemory.Alloc(Capacity);
    }

    /// <summary>To be polled for requests.</summary>
    public int Descriptor => _clone;

    /// <summary>
    /// Begins, with the requests that the last server had read and not answered sent again. Null with the errno when the kernel can't: without that, only the end of the
    /// connection would free those who wait.
    /// </summary>
    public static ErrorAnswers? TryBegin(int descriptor, out int errno)
    {
        errno = 0;
        int clone = Libc.Open("/dev/fuse", Libc.O_RDWR | Libc.O_CLOEXEC | Libc.O_NONBLOCK, 0);
        uint original = (uint)descriptor;
        if (clone >= 0 && Libc.Ioctl(clone, Clone, &original) == 0)
        {
            var resend = new FuseOutHeader { Length = (uint)sizeof(FuseOutHeader), Error = (int)FuseNotification.Resend };
            if (Libc.Write(clone, (byte*)&resend, (nuint)sizeof(FuseOutHeader)) >= 0) return new ErrorAnswers(clone);
        }

        errno = Marshal.GetLastPInvokeError();
        if (clone >= 0) Libc.Close(clone);
        return null;
    }

    /// <summary>Answers some of what waits. False when the connection has ended.</summary>
    public bool Answer()
    {
        for (int i = 0; i < Batch; i++)
        {
            nint length = Libc.Read(_clone, _request, Capacity);
            if (length < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno is Errno.EINTR or Errno.ENOENT) continue;
                return errno == Errno.EAGAIN;
            }

            var header = (FuseInHeader*)_request;
            if (length < sizeof(FuseInHeader) || !HasReply(header->Opcode)) continue;
            var answer = new FuseOutHeader { Length = (uint)sizeof(FuseOutHeader), Error = -Errno.EIO, Unique = header->Unique };
            Libc.Write(_clone, (byte*)&answer, (nuint)sizeof(FuseOutHeader)); // refused: the one who asked has gone
        }

        return true;
    }

    public void Dispose()
    {
        Libc.Close(_clone);
        NativeMemory.Free(_request);
    }

    private static bool HasReply(FuseOpcode opcode) => opcode is not (FuseOpcode.Forget or FuseOpcode.BatchForget or FuseOpcode.Interrupt);
}
