using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Disks;

/// <summary>
/// Reads parts of a blob that is checked as a whole and can't be kept, by downloading all of it: what a part is, is known only at the end. Reads join the download that is under way
/// if it has not passed their part; else they wait for the next. There is never more than one that anybody waits for. All members may be called concurrently.
/// </summary>
internal sealed class BlobPasses(IImageStore store, Descriptor blob, TimeProvider time)
{
    private const int BufferSize = 1 << 20;
    private const int MaxPartBytes = 64 << 20; // in memory until the end of a download; further parts come with the next

    private readonly Lock _gate = new();
    private Pass? _pass;

    /// <exception cref="SluiceException">The source failed, or the blob is wrong or too short.</exception>
    public async Task ReadAsync(long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        while (true)
        {
            (Pass pass, Part? part) = Join(offset, destination.Length);
            try
            {
                long length = await pass.Done!.WaitAsync(cancellation);
                if (part is null) continue;
                if (length < offset + destination.Length)
                    throw new SluiceException(SluiceError.Image, store.Name, $"blob {blob.Digest} ends before {offset + destination.Length}");
                part.Content.AsMemory((int)(offset - part.Offset), destination.Length).CopyTo(destination);
                return;
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested && pass.Stop.IsCancellationRequested)
            {
                // It was ended in the moment that this reader came.
            }
            catch (SluiceException) when (part is null)
            {
                // Not this reader's.
            }
            finally
            {
                Leave(pass);
            }
        }
    }

    private (Pass Pass, Part? Part) Join(long offset, int length)
    {
        lock (_gate)
        {
            if (_pass is not { Done.IsCompleted: false, Stop.IsCancellationRequested: false })
            {
                Pass begun = _pass = new Pass(time);
                begun.Parts.Add(new Part(offset, new byte[length]));
                begun.Done = Task.Run(() => RunAsync(begun), CancellationToken.None);
            }

            Pass pass = _pass;
            pass.Waiting++;
            pass.Stop.CancelAfter(Timeout.InfiniteTimeSpan);

            // A read that was given up and is tried again finds its part.
            Part? part = pass.Parts.Find(other => other.Offset <= offset && other.End >= offset + length);
            if (part is null && offset >= pass.Position && length <= MaxPartBytes - pass.Parts.Sum(other => (long)other.Content.Length))
                pass.Parts.Add(part = new Part(offset, new byte[length]));
            return (pass, part);
        }
    }

    private void Leave(Pass pass)
    {
        lock (_gate)
        {
            if (--pass.Waiting == 0) pass.Stop.CancelAfter(WholeBlobSource.Linger);
        }
    }

    /// <returns>Bytes of the blob.</returns>
    private Task<long> RunAsync(Pass pass)
    {
        CancellationToken stop = pass.Stop.Token;
        return WholeBlob.FetchAsync(
            store, blob,
            async source =>
            {
                byte[] buffer = new byte[BufferSize];
                long position = 0;
                while (true)
                {
                    int read = await source.ReadAsync(buffer, stop); // throws at the end if the digest is wrong
                    lock (_gate)
                    {
                        foreach (Part part in pass.Parts) part.Take(buffer.AsSpan(0, read), position);
                        position += read;
                        pass.Position = read == 0 ? long.MaxValue : position;
                    }

                    if (read == 0) return position;
                }
            },
            stop);
    }

    private sealed class Pass(TimeProvider time)
    {
        public CancellationTokenSource Stop { get; } = new(Timeout.InfiniteTimeSpan, time);

        public List<Part> Parts { get; } = []; // guarded by _gate, as all that changes

        public long Position { get; set; }

        public int Waiting { get; set; }

        public Task<long>? Done { get; set; }
    }

    private sealed record Part(long Offset, byte[] Content)
    {
        public long End => Offset + Content.Length;

        /// <summary>Copies what of it lies in bytes of the blob.</summary>
        public void Take(ReadOnlySpan<byte> bytes, long position)
        {
            long start = Math.Max(position, Offset), end = Math.Min(position + bytes.Length, End);
            if (start < end) bytes[(int)(start - position)..(int)(end - position)].CopyTo(Content.AsSpan((int)(start - Offset)));
        }
    }
}
