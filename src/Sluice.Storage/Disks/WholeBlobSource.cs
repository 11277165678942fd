using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Disks;

/// <summary>
/// A blob of which no part can be checked by itself, as a source of parts: the first read has it fetched whole, to the file <c>blob</c>
/// in its cache directory, and checks its digest; a file that is there already is checked instead. Everything is then read from this file.
/// </summary>
/// <param name="size">Bytes of the blob by the manifest.</param>
internal sealed class WholeBlobSource(CacheDirectory directory, IImageStore store, Digest blob, long size, TimeProvider? time = null) : IBlobSource
{
    /// <summary>How long a fetch goes on that nobody waits for: a read that was given up may be tried again at once, and must not begin anew.</summary>
    internal static readonly TimeSpan Linger = TimeSpan.FromSeconds(10);

    private readonly string _path = Path.Combine(directory.GetBlobDirectory(blob), "blob");
    private readonly Lock _gate = new();
    private Task? _ready;
    private CancellationTokenSource _stop = new();
    private int _waiting;

    public string Name => store.Name;

    public async Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        await ReadyAsync(cancellation);
        try
        {
            using SafeFileHandle file = File.OpenHandle(_path, options: FileOptions.Asynchronous);
            while (!destination.IsEmpty)
            {
                int read = await RandomAccess.ReadAsync(file, destination, offset, cancellation);
                if (read == 0) throw new EndOfStreamException("it was cut off");
                destination = destination[read..];
                offset += read;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            lock (_gate) _ready = null; // the next read looks anew
            throw Unreadable(exception);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>One fetch for all readers. It ends some time after the last of them has given up; a failed one is forgotten.</summary>
    private async Task ReadyAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task ready = Join();
            try
            {
                await ready.WaitAsync(cancellation);
                return;
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                // It was ended in the moment that this reader came.
            }
            finally
            {
                Leave();
            }
        }
    }

    private Task Join()
    {
        lock (_gate)
        {
            _waiting++;
            bool ended = _ready is null or { IsFaulted: true } || (_stop.IsCancellationRequested && !_ready.IsCompletedSuccessfully);
            if (!ended)
            {
                _stop.CancelAfter(Timeout.InfiniteTimeSpan);
                return _ready!;
            }

            CancellationToken stop = (_stop = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time ?? TimeProvider.System)).Token;
            return _ready = Task.Run(() => EnsureAsync(stop), CancellationToken.None);
        }
    }

    private void Leave()
    {
        lock (_gate)
        {
            if (--_waiting == 0 && _ready is { IsCompleted: false }) _stop.CancelAfter(Linger);
        }
    }

    private async Task EnsureAsync(CancellationToken stop)
    {
        try
        {
            if (await IsIntactAsync(stop)) return;
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            string fresh = $"{_path}.{Guid.NewGuid():n}";
            try
            {
                await WholeBlob.FetchAsync(
                    store, new Descriptor { MediaType = "", Digest = blob, Size = size },
                    async source =>
                    {
                        await using FileStream target = new(fresh, FileMode.Create, FileAccess.Write);
                        await source.CopyToAsync(target, stop); // throws at the end if the digest is wrong
                        return true;
                    },
                    stop);

                File.Move(fresh, _path, overwrite: true);
                directory.Recount(blob);
            }
            finally
            {
                File.Delete(fresh);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(exception);
        }
    }

    private async Task<bool> IsIntactAsync(CancellationToken stop)
    {
        if (!File.Exists(_path) || new FileInfo(_path).Length != size) return false;
        await using FileStream file = new(_path, FileMode.Open, FileAccess.Read);
        using IncrementalHash hash = blob.NewHash();
        byte[] buffer = new byte[1 << 20];
        for (int read; (read = await file.ReadAsync(buffer, stop)) > 0;) hash.AppendData(buffer.AsSpan(0, read));
        return blob.Matches(hash.GetHashAndReset());
    }

    private SluiceException Unreadable(Exception exception) =>
        new(SluiceError.Disk, _path, $"can't keep the blob: {exception.Message}", "free space or mend the disk: this blob has no checksums of its parts and must be fetched whole", exception);
}
