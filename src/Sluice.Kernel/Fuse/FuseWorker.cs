using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Kernel.Memory;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Fuse;

/// <summary>
/// One thread that reads requests, with its own native buffers. While a handler runs, the request is in
/// <see cref="Header"/> and <see cref="Body"/> and the reply is built in place in <see cref="Payload"/>.
/// </summary>
/// <remarks>
/// Requests are read into memory that is there. A thread that is killed while it sleeps in read(2) still takes a request that has come meanwhile, and has the kernel bring no more
/// pages: copying to one that isn't there fails, and the kernel answers the request with EIO instead of keeping it for a successor (fuse_dev_do_read in fs/fuse/dev.c, Linux 6.18).
/// Answers are sent from memory that has just been written.
/// </remarks>
internal sealed unsafe class FuseWorker : IDisposable
{
    private const int PageSize = 4096;

    /// <summary>The kernel demands max(8192, max_write + headers).</summary>
    private const int RequestHead = 64 * 1024;

    private readonly FuseConnection _connection;
    private readonly int _requestCapacity;
    private readonly ResidentMemory _requests;
    private readonly byte* _request;
    private readonly byte* _reply;

    public FuseWorker(FuseConnection connection)
    {
        _connection = connection;
        _requestCapacity = RequestHead + connection.MaxWrite;
        _requests = new ResidentMemory(_requestCapacity);
        _request = _requests.Start;
        _reply = (byte*)NativeMemory.AlignedAlloc(PageSize + FuseLayout.MaxRead, PageSize);
    }

    public ref readonly FuseInHeader Header => ref *(FuseInHeader*)_request;

    public ReadOnlySpan<byte> Body => new(_request + sizeof(FuseInHeader), (int)(Header.Length - sizeof(FuseInHeader)));

    /// <summary>Where the reply's data goes; page aligned, the header fits in front of it.</summary>
    public Span<byte> Payload => new(_reply + PageSize, FuseLayout.MaxRead);

    public FuseConnection Connection => _connection;

    /// <summary>The request that this thread is working on, if it may take long.</summary>
    public RequestWatch Watch { get; } = new();

    /// <summary>Reads that were answered from local bytes by this thread.</summary>
    public long Hits { get; set; }

    /// <summary>Bytes of managed memory that this thread has allocated, as of its last request; for tests.</summary>
    public long AllocatedBytes { get; private set; }

    public bool TryBody<T>(out T body)
        where T : unmanaged
    {
        body = default;
        if (Body.Length < sizeof(T)) return false;
        body = Unsafe.ReadUnaligned<T>(_request + sizeof(FuseInHeader));
        return true;
    }

    /// <summary>What follows a body of type <typeparamref name="T"/>.</summary>
    public ReadOnlySpan<byte> DataOf<T>()
        where T : unmanaged => Body[sizeof(T)..];

    /// <summary>Answers with the first <paramref name="length"/> bytes of <see cref="Payload"/>.</summary>
    /// <returns>False: the kernel did not take it.</returns>
    public bool Reply(int length) => Reply(length, Header.Unique);

    /// <summary>Answers another request than the one that is in <see cref="Header"/>.</summary>
    /// <inheritdoc cref="Reply(int)"/>
    public bool Reply(int length, ulong unique)
    {
        byte* message = _reply + PageSize - sizeof(FuseOutHeader);
        *(FuseOutHeader*)message = new FuseOutHeader { Length = (uint)(sizeof(FuseOutHeader) + length), Unique = unique };
        int errno = _connection.Descriptor.Send(message, sizeof(FuseOutHeader) + length);
        if (errno != 0) _connection.ReplyRefused(errno);
        return errno == 0;
    }

    public bool Reply<T>(in T payload)
        where T : unmanaged
    {
        Unsafe.WriteUnaligned(_reply + PageSize, payload);
        return Reply(sizeof(T));
    }

    public void Fail(int errno) => Fail(errno, Header.Unique);

    public void Fail(int errno, ulong unique)
    {
        var header = new FuseOutHeader { Length = (uint)sizeof(FuseOutHeader), Error = -errno, Unique = unique };
        int refused = _connection.Descriptor.Send((byte*)&header, sizeof(FuseOutHeader));
        if (refused != 0) _connection.ReplyRefused(refused);
    }

    /// <summary>Serves until the connection ends or <see cref="FuseConnection.StopAsync"/> wakes this thread.</summary>
    public void Run(IFuseHandler handler)
    {
        while (true)
        {
            nint length = Libc.Read(_connection.Descriptor.Number, _request, (nuint)_requestCapacity);
            if (length < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                // ENOENT: the request was interrupted while it was being copied.
                if (errno is Errno.EINTR or Errno.EAGAIN or Errno.ENOENT) continue;
                _connection.Ended(errno);
                return;
            }

            if (length < sizeof(FuseInHeader) || Header.Length != length)
            {
                _connection.Ended(Errno.EIO);
                return;
            }

            if (Header.Opcode == FuseOpcode.Init) _connection.Initialise(this);
            else handler.Handle(this);
            if (_connection.CountAllocations) AllocatedBytes = GC.GetAllocatedBytesForCurrentThread();
            if (_connection.Stopping) return;
        }
    }

    public void Dispose()
    {
        _requests.Dispose();
        NativeMemory.AlignedFree(_reply);
    }
}
