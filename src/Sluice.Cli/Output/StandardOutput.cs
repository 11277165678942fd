using System.Runtime.InteropServices;
using Sluice.Formats;

namespace Sluice.Cli.Output;

/// <summary>
/// Standard output whose failures say what failed. When the reader of a pipe has gone (<c>| head -1</c>), the command is over:
/// writing throws <see cref="ClosedPipeException"/>. All failures are thrown by writing; there is nothing to flush.
/// </summary>
/// <remarks>
/// Written with write(2), because the console's stream does not tell that a pipe was closed, and a file stream neither shares its
/// position with other programs that append to the file nor waits where the parent has made the pipe non-blocking.
/// </remarks>
internal sealed partial class StandardOutput : Stream
{
    private const int Descriptor = 1, Interrupted = 4, WouldBlock = 11, BrokenPipe = 32; // EINTR, EAGAIN, EPIPE
    private const short Writable = 4; // POLLOUT

    private StandardOutput()
    {
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public static StandardOutput Open() => new();

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            nint written = Write(Descriptor, buffer, (nuint)buffer.Length);
            if (written >= 0) buffer = buffer[(int)written..];
            else Recover(Marshal.GetLastPInvokeError());
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Returns when writing can be tried again.</summary>
    private static void Recover(int error)
    {
        switch (error)
        {
            case Interrupted:
                break;
            case WouldBlock:
                var place = new PollDescriptor { Descriptor = Descriptor, Events = Writable };
                _ = Poll(ref place, 1, timeout: -1); // a reader that goes away ends the wait, too
                break;
            case BrokenPipe:
                throw new ClosedPipeException();
            default:
                throw new SluiceException(SluiceError.Disk, "standard output", $"can't be written: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, ReadOnlySpan<byte> buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor place, nuint count, int timeout);

    /// <summary><c>struct pollfd</c> of poll(2).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short ReturnedEvents;
    }
}
