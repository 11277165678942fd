using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Registries;

/// <summary>Reads a part of a blob in order; when a transfer breaks, it goes on where it was, elsewhere or with a new request.</summary>
/// <param name="only">The one host that is asked, whose pauses are left to the caller; null: any.</param>
internal sealed class BlobDownload(
    RegistryStore store, SourceOptions options, Digest blob, long position, long end, bool isWhole, HostChoice? only = null) : IDisposable
{
    /// <summary>So much progress makes up for failures before it; less does not, so that a host that always breaks ends.</summary>
    private const long RealProgress = 256 << 10;

    private readonly RetrySchedule _schedule = new(options, only is null ? null : TimeSpan.Zero);
    private BlobBody? _body;
    private long _position = position;
    private long _failedAt = position;

    /// <summary>Makes sure that the blob exists and is being delivered.</summary>
    public async Task OpenAsync(CancellationToken cancellation) =>
        _body ??= await store.OpenBodyAsync(blob, _position, end, isWhole, only, options, cancellation).ConfigureAwait(false);

    /// <summary>Reads at least one byte; 0 only at the end.</summary>
    public async ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellation)
    {
        try
        {
            return await ReadOnAsync(destination, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException cancelled)
        {
            throw _schedule.Explain(cancelled);
        }
    }

    public void Dispose() => Close();

    private async ValueTask<int> ReadOnAsync(Memory<byte> destination, CancellationToken cancellation)
    {
        while (_position < end && !destination.IsEmpty)
        {
            await OpenAsync(cancellation).ConfigureAwait(false);
            BlobBody body = _body!;
            RegistryFault fault;
            try
            {
                body.Timer.Restart();
                int read = await ReadAsync(body, destination, cancellation).ConfigureAwait(false);
                body.Timer.Pause();
                if (read > 0)
                {
                    _position += read;
                    if (_position == body.End) Close();
                    return read;
                }

                fault = new RegistryFault(SluiceError.Source, body.Host.Name, $"blob {blob} breaks off at byte {_position} of {end}", transient: true);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                fault = RegistryFaults.Stalled(body.Host, $"blob {blob}", body.Timer.Limit);
            }
            catch (Exception error) when (error is IOException or HttpRequestException or ObjectDisposedException)
            {
                fault = RegistryFaults.FromException(body.Host, error, $"blob {blob}");
            }

            store.Failed(body.Host, blob);
            Close();
            if (_position - _failedAt >= RealProgress) _schedule.Reset();
            _failedAt = _position;
            await _schedule.WaitAsync(fault, cancellation).ConfigureAwait(false);
        }

        return 0;
    }

    /// <summary>
    /// Fills as much of the destination as the body has, so that the stall timer sees whole reads. What came before a
    /// failure is kept: the failure shows again at the next read.
    /// </summary>
    private async ValueTask<int> ReadAsync(BlobBody body, Memory<byte> destination, CancellationToken cancellation)
    {
        using CancellationTokenRegistration given = cancellation.UnsafeRegister(static state => ((BlobBody)state!).Timer.Cancel(), body);
        int wanted = (int)Math.Min(destination.Length, body.End - _position);
        int done = 0;
        try
        {
            while (done < wanted)
            {
                int read = await body.Stream.ReadAsync(destination[done..wanted], body.Timer.Token).ConfigureAwait(false);
                if (read == 0) break;
                done += read;
                body.Timer.Advance(read);
            }
        }
        catch (Exception error) when (error is not SluiceException)
        {
            cancellation.ThrowIfCancellationRequested();
            if (done == 0) throw;
        }

        return done;
    }

    private void Close()
    {
        _body?.Dispose();
        _body = null;
    }
}
