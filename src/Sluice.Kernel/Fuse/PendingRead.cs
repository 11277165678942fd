using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Fuse;

/// <summary>A READ that waits for a place or for its bytes.</summary>
/// <param name="Node">The disk, entered.</param>
/// <param name="Unique">Names the request.</param>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes to answer; lies inside the file.</param>
/// <param name="Since">When it came, in milliseconds of the machine.</param>
internal readonly record struct ReadRequest(DiskNode Node, ulong Unique, long Offset, int Length, long Since);

/// <summary>
/// A place for one missed READ: a native buffer that the fetch fills, and the continuation that answers from it. Used
/// over and over; starting and answering a read allocates nothing here.
/// </summary>
internal sealed unsafe class PendingRead : MemoryManager<byte>
{
    private const int PageSize = 4096;

    private readonly DiskReads _owner;
    private readonly Action _completed;
    private byte* _buffer;
    private ReadRequest _request;
    private ConfiguredValueTaskAwaitable<DiskError>.ConfiguredValueTaskAwaiter _awaiter;

    public PendingRead(DiskReads owner)
    {
        _owner = owner;
        _completed = Completed;
        _buffer = (byte*)NativeMemory.AlignedAlloc(PageSize + FuseLayout.MaxRead, PageSize); // pages are touched on use only
    }

    public ReadRequest Request => _request;

    public RequestWatch Watch { get; } = new();

    /// <summary>Begins the fetch. True when it ended at once; otherwise its end calls <see cref="DiskReads.Finish"/>.</summary>
    public bool Start(in ReadRequest request, out DiskError error)
    {
        _request = request;
        Watch.Begin(request.Node, request.Unique, request.Since);
        error = DiskError.None;
        int local = LocalPart(request);
        try
        {
            ValueTask<DiskError> read = request.Node.Disk.ReadAsync(request.Offset, Memory[..local]);
            _awaiter = read.ConfigureAwait(false).GetAwaiter();
            if (!_awaiter.IsCompleted)
            {
                _awaiter.UnsafeOnCompleted(_completed);
                return false;
            }

            error = Result();
        }
        catch (Exception bug)
        {
            error = _owner.Faulted(request.Node, bug);
        }

        return true;
    }

    public void Answer(FuseDescriptor descriptor, DiskError error)
    {
        Watch.End();
        byte* message = _buffer + PageSize - sizeof(FuseOutHeader);
        int length = error == DiskError.None ? _request.Length : 0;
        if (length > 0) new Span<byte>(_buffer + PageSize, length)[LocalPart(_request)..].Clear();
        *(FuseOutHeader*)message = new FuseOutHeader
        {
            Length = (uint)(sizeof(FuseOutHeader) + length),
            Error = -(int)error,
            Unique = _request.Unique,
        };
        int errno = _owner.Connection.HasLeft ? 0 : descriptor.Send(message, sizeof(FuseOutHeader) + length);
        if (errno != 0) _owner.Connection.ReplyRefused(errno);
        _request = default;
    }

    /// <summary>Bytes of the request that the disk itself has; the rest is the zeros up to the file's whole page.</summary>
    public static int LocalPart(in ReadRequest request) => (int)Math.Clamp(request.Node.Disk.Length - request.Offset, 0, request.Length);

    public override Span<byte> GetSpan() => new(_buffer + PageSize, FuseLayout.MaxRead);

    public override MemoryHandle Pin(int elementIndex = 0) => new(_buffer + PageSize + elementIndex);

    public override void Unpin()
    {
    }

    /// <summary>Gives the buffer back; only for a place that is not in use.</summary>
    public void Free()
    {
        NativeMemory.AlignedFree(_buffer);
        _buffer = null;
    }

    protected override void Dispose(bool disposing)
    {
    }

    private void Completed()
    {
        DiskError error;
        try
        {
            error = Result();
        }
        catch (Exception bug)
        {
            error = _owner.Faulted(_request.Node, bug);
        }

        _owner.Finish(this, error);
    }

    private DiskError Result()
    {
        var awaiter = _awaiter;
        _awaiter = default;
        return awaiter.GetResult();
    }
}
