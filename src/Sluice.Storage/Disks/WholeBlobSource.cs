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
/// Where neither the cache's limit nor its disk has room for it, reads download it (<see cref="BlobPasses"/>): slow, but right.
/// </summary>
/// <param name="size">Bytes of the blob by the manifest.</param>
internal sealed class WholeBlobSource(CacheDirectory directory, IImageStore store, Digest blob, long size, TimeProvider? time = null) : IBlobSource
{
    /// <summary>How long a fetch goes on that nobody waits for: a read that was given up may be tried again at once, and must not begin anew.</summary>
    internal static readonly TimeSpan Linger = TimeSpan.FromSeconds(10);

    private const int BufferSize = 1 << 20;

    private readonly Descriptor _descriptor = new() { MediaType = "", Digest = blob, Size = size };
    private readonly string _path = Path.Combine(directory.GetBlobDirectory(blob), "blob");
    private readonly BlobPasses _passes = new(store, new Descriptor { MediaType = "", Digest = blob, Size = size }, time ?? TimeProvider.System);
    private readonly Lock _gate = new();
    private volatile SluiceException? _refusal; // why the file can't be kept
    private Task<bool>? _ready;
    private CancellationTokenSource _stop = new();
    private int _waiting;

    public string Name => store.Name;

    public async Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        directory.BeginUse(blob);
        try
        {
            if (await ReadyAsync(cancellation) && await TryReadKeptAsync(offset, destination, cancellation)) return;
        }
        finally
        {
            directory.EndUse(blob);
        }

        await ReadThroughAsync(offset, destination, cancellation);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>One fetch for all readers. It ends some time after the last of them has given up; a failed one is forgotten.</summary>
    /// <returns>False: the file can't be kept.</returns>
    private async Task<bool> ReadyAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task<bool> ready = Join();
            try
            {
                return await ready.WaitAsync(cancellation);
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

    private Task<bool> Join()
    {
        lock (_gate)
        {
            _waiting++;
            bool ended = _ready is null or { IsFaulted: true } or { IsCompletedSuccessfully: true, Result: false } || (_stop.IsCancellationRequested && !_ready.IsCompletedSuccessfully);
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

    private async Task<bool> TryReadKeptAsync(long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        try
        {
            using SafeFileHandle file = File.OpenHandle(_path, options: FileOptions.Asynchronous);
            while (!destination.IsEmpty)
            {
                int read = await RandomAccess.ReadAsync(file, destination, offset, cancellation);
                if (read == 0) throw new EndOfStreamException();
                destination = destination[read..];
                offset += read;
            }

            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            lock (_gate) _ready = null; // gone, cut off or unreadable: the next read looks anew
            return false;
        }
    }

    private async Task<bool> EnsureAsync(CancellationToken stop)
    {
        SemaphoreSlim replacing = directory.BeginUse(blob);
        try
        {
            await replacing.WaitAsync(stop);
            try
            {
                return await IsIntactAsync(stop) || await FetchAsync(stop);
            }
            finally
            {
                replacing.Release();
            }
        }
        finally
        {
            directory.EndUse(blob);
        }
    }

    private async Task<bool> FetchAsync(CancellationToken stop)
    {
        if (!directory.TryReserve(size, out long reserved)) return Refuse(null);
        string fresh = directory.GetUnfinishedPath(blob);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            await WholeBlob.FetchAsync(
                store, _descriptor,
                async source =>
                {
                    await using FileStream target = new(fresh, FileMode.Create, FileAccess.Write);
                    await source.CopyToAsync(target, stop); // throws at the end if the digest is wrong
                    return true;
                },
                stop);

            File.Move(fresh, _path, overwrite: true);
            _refusal = null;
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Refuse(exception);
        }
        finally
        {
            Delete(fresh);
            directory.EndReservation(blob, reserved);
        }
    }

    /// <summary>Serves without keeping. A read that is given up meanwhile says why it took so long.</summary>
    private async Task ReadThroughAsync(long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        try
        {
            await _passes.ReadAsync(offset, destination, cancellation);
        }
        catch (OperationCanceledException cancelled) when (_refusal is { } refusal)
        {
            throw new OperationCanceledException(cancelled.Message, refusal, cancelled.CancellationToken);
        }
    }

    /// <summary>Told once, not for each read.</summary>
    private bool Refuse(Exception? reason)
    {
        bool isKnown = _refusal is not null;
        _refusal = directory.RefusalOf(blob, size, reason);
        if (!isKnown) directory.Tell($"{_refusal.Message}: its reads download it whole; {_refusal.Hint}");
        return false;
    }

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The next start does.
        }
    }

    /// <summary>A file that can't be read is not.</summary>
    private async Task<bool> IsIntactAsync(CancellationToken stop)
    {
        try
        {
            if (!File.Exists(_path) || new FileInfo(_path).Length != size) return false;
            await using FileStream file = new(_path, FileMode.Open, FileAccess.Read);
            using IncrementalHash hash = blob.NewHash();
            byte[] buffer = new byte[BufferSize];
            for (int read; (read = await file.ReadAsync(buffer, stop)) > 0;) hash.AppendData(buffer.AsSpan(0, read));
            return blob.Matches(hash.GetHashAndReset());
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
