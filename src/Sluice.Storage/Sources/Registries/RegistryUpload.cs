using System.Buffers;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Registries;

/// <summary>
/// A blob of unknown size on its way into a registry. Small ones go in one request; larger ones in pieces of
/// <see cref="SourceOptions.UploadChunk"/> bytes, each of which is sent again from where the registry lost it.
/// </summary>
internal sealed class RegistryUpload(RegistryStore store, SourceOptions options) : IBlobUpload
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(Math.Min(options.UploadChunk, 64 << 10));
    private int _buffered;
    private long _sent;
    private Uri? _session;
    private bool _committed;

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellation)
    {
        while (!data.IsEmpty)
        {
            if (_buffered == options.UploadChunk) await SendPieceAsync(cancellation).ConfigureAwait(false);
            int count = Math.Min(data.Length, options.UploadChunk - _buffered);
            EnsureRoom(_buffered + count);
            data.Span[..count].CopyTo(_buffer.AsSpan(_buffered));
            _buffered += count;
            data = data[count..];
        }
    }

    public async Task CommitAsync(Digest digest, CancellationToken cancellation)
    {
        if (_session is null)
        {
            await CommitSmallAsync(digest, cancellation).ConfigureAwait(false);
        }
        else
        {
            if (_buffered > 0) await SendPieceAsync(cancellation).ConfigureAwait(false);
            await FinishAsync(_session, digest, cancellation).ConfigureAwait(false);
        }

        _committed = true;
    }

    public async ValueTask DisposeAsync()
    {
        byte[] buffer = Interlocked.Exchange(ref _buffer, []);
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
        if (!_committed && _session is not null) await store.AbandonAsync(_session).ConfigureAwait(false);
    }

    private async Task CommitSmallAsync(Digest digest, CancellationToken cancellation)
    {
        if (await store.HasBlobAsync(digest, cancellation).ConfigureAwait(false)) return;
        RetrySchedule schedule = new(options);
        while (true)
        {
            try
            {
                Uri session = await store.StartSessionAsync(cancellation).ConfigureAwait(false);
                await store.FinishAsync(session, digest, timer => new ProgressContent(_buffer.AsMemory(0, _buffered), timer), repeatable: true, cancellation).ConfigureAwait(false);
                return;
            }
            catch (RegistryFault fault)
            {
                await schedule.WaitAsync(fault, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task FinishAsync(Uri session, Digest digest, CancellationToken cancellation)
    {
        RetrySchedule schedule = new(options);
        bool again = false;
        while (true)
        {
            try
            {
                await store.FinishAsync(session, digest, static _ => new ByteArrayContent([]), repeatable: true, cancellation).ConfigureAwait(false);
                return;
            }
            catch (RegistryFault fault) when (again && fault.Error == SluiceError.NotFound)
            {
                // The first attempt may have ended the session without our hearing of it.
                if (await store.HasBlobAsync(digest, cancellation).ConfigureAwait(false)) return;
                throw;
            }
            catch (RegistryFault fault)
            {
                await schedule.WaitAsync(fault, cancellation).ConfigureAwait(false);
                again = true;
            }
        }
    }

    private async Task SendPieceAsync(CancellationToken cancellation)
    {
        _session ??= await store.StartSessionAsync(cancellation).ConfigureAwait(false);
        RetrySchedule schedule = new(options);
        int done = 0;
        bool ask = false;
        while (done < _buffered)
        {
            try
            {
                if (ask)
                {
                    (_session, long offset) = await store.AskAsync(_session, cancellation).ConfigureAwait(false);
                    if (offset < _sent || offset > _sent + _buffered)
                    {
                        throw new RegistryFault(SluiceError.Source, store.Name, $"lost an upload: it is at byte {offset}, {_sent} were there before");
                    }

                    done = (int)(offset - _sent);
                    ask = false;
                    continue;
                }

                _session = await store.AppendAsync(_session, _sent + done, _buffer.AsMemory(done, _buffered - done), cancellation).ConfigureAwait(false);
                done = _buffered;
            }
            catch (RegistryFault fault)
            {
                await schedule.WaitAsync(fault, cancellation).ConfigureAwait(false);
                ask = true;
            }
        }

        _sent += _buffered;
        _buffered = 0;
    }

    private void EnsureRoom(int size)
    {
        if (size <= _buffer.Length) return;
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Min(options.UploadChunk, Math.Max(size, _buffer.Length * 2)));
        _buffer.AsSpan(0, _buffered).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
