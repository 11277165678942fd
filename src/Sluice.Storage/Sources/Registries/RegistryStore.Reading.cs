using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Registries;

/// <content>Reading of blobs.</content>
public sealed partial class RegistryStore
{
    /// <summary>From a host that ignores ranges so many bytes are read and thrown away before another host is asked instead.</summary>
    private const long SkipLimit = 4 << 20;

    /// <summary>Who delivered last, of each blob.</summary>
    private readonly ConcurrentDictionary<Digest, RegistryHost> _delivered = new();

    public async Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        using BlobDownload download = new(this, _options, blob, offset, offset + destination.Length, isWhole: false);
        while (!destination.IsEmpty)
        {
            int read = await download.ReadAsync(destination, cancellation).ConfigureAwait(false);
            destination = destination[read..];
        }
    }

    public Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancellation) => OpenAsync(blob, cancellation);

    private async Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellation)
    {
        BlobDownload download = new(this, _options, blob.Digest, 0, blob.Size, isWhole: true);
        try
        {
            // Asked for at once, so that a missing blob is an error here and not in the middle of a reader.
            await download.OpenAsync(cancellation).ConfigureAwait(false);
            return new VerifyingStream(new BlobDownloadStream(download), blob, Name, () => Reject(blob.Digest));
        }
        catch
        {
            download.Dispose();
            throw;
        }
    }

    /// <summary>Asks the host that is written to: a mirror may hold what the registry lost.</summary>
    public async Task<bool> HasBlobAsync(Digest blob, CancellationToken cancellation)
    {
        try
        {
            return await TryAsync(token => HasBlobAsync(PushHost, blob, $"blob {blob}", token), cancellation).ConfigureAwait(false);
        }
        catch (RegistryFault fault) when (fault.Error == SluiceError.NotFound)
        {
            return false;
        }
    }

    private async Task<bool> HasBlobAsync(RegistryHost host, Digest blob, string what, CancellationToken cancellation)
    {
        using StallTimer timer = NewTimer(cancellation);
        HttpRequestMessage Create() => new(HttpMethod.Head, host.Address($"{Repository}/blobs/{blob}"));
        HttpResponseMessage response = await _requests.SendFollowingAsync(host, PullScope, Create, what, timer).ConfigureAwait(false);
        using (await CheckAsync(host, response, what, timer, HttpStatusCode.OK).ConfigureAwait(false)) return true;
    }

    /// <summary>Opens a blob at a position, at the first host that delivers it.</summary>
    /// <param name="end">Byte after the last one that is wanted.</param>
    /// <param name="isWhole">True if <paramref name="end"/> is the end of the blob.</param>
    /// <param name="only">The one host that is asked; null: any.</param>
    internal Task<BlobBody> OpenBodyAsync(Digest blob, long position, long end, bool isWhole, HostChoice? only, SourceOptions options, CancellationToken cancellation)
    {
        if (only is not null) return new RetrySchedule(options, TimeSpan.Zero).RunAsync(token => OpenBodyAsync(only.Host, only.IsLast, blob, position, end, isWhole, token), cancellation);
        return TryHostsAsync(HostCapabilities.Pull, (host, isLast, token) => OpenBodyAsync(host, isLast, blob, position, end, isWhole, token), cancellation, blob);
    }

    /// <summary>A transfer broke off: the next one tries other ways first.</summary>
    internal void Failed(RegistryHost host, Digest blob)
    {
        Forget(host, blob);
        host.Place.Failed();
    }

    /// <inheritdoc/>
    public void Reject(Digest blob)
    {
        if (_delivered.TryGetValue(blob, out RegistryHost? host)) host.Place.Distrust(blob);
    }

    private void Forget(RegistryHost host, Digest blob)
    {
        if (_locations.Get(host, blob) is { } location) _locations.Drop(host, blob, location);
    }

    private async Task<BlobBody> OpenBodyAsync(RegistryHost host, bool isLast, Digest blob, long position, long end, bool isWhole, CancellationToken cancellation)
    {
        string what = $"blob {blob}";
        HttpRequestMessage Create()
        {
            HttpRequestMessage request = new(HttpMethod.Get, host.Address($"{Repository}/blobs/{blob}"));
            if (position > 0 || !isWhole) request.Headers.Range = new RangeHeaderValue(position, end - 1);
            return request;
        }

        using StallTimer timer = NewTimer(cancellation);
        try
        {
            HttpResponseMessage response = await GetAsync(host, blob, Create, what, timer).ConfigureAwait(false);
            try
            {
                BlobBody body = await ToBodyAsync(host, isLast, response, blob, position, end, isWhole, timer).ConfigureAwait(false);
                _delivered[blob] = host;
                return body;
            }
            catch
            {
                response.Dispose();
                Forget(host, blob);
                throw;
            }
        }
        catch (OperationCanceledException) when (timer.Expired)
        {
            throw RegistryFaults.Stalled(host, what, timer.Limit);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw RegistryFaults.FromException(host, error, what);
        }
    }

    /// <summary>From the place where the blob was found the last time, else from the host.</summary>
    private async Task<HttpResponseMessage> GetAsync(RegistryHost host, Digest blob, Func<HttpRequestMessage> create, string what, StallTimer timer)
    {
        if (_locations.Get(host, blob) is { } location)
        {
            try
            {
                HttpResponseMessage direct = await _requests.SendToAsync(host, location, PullScope, create, what, timer).ConfigureAwait(false);
                if (direct.StatusCode is HttpStatusCode.PartialContent or HttpStatusCode.OK or HttpStatusCode.RequestedRangeNotSatisfiable) return direct;
                direct.Dispose();
            }
            catch (RegistryFault)
            {
                timer.Restart();
            }

            // Expired, moved or broken: whatever it is, the registry knows better.
            _locations.Drop(host, blob, location);
        }

        return await _requests.SendFollowingAsync(host, PullScope, create, what, timer, moved: address => _locations.Set(host, blob, address)).ConfigureAwait(false);
    }

    private async Task<BlobBody> ToBodyAsync(
        RegistryHost host, bool isLast, HttpResponseMessage response, Digest blob, long position, long end, bool isWhole, StallTimer timer)
    {
        string what = $"blob {blob}";
        if (response.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.PartialContent))
        {
            throw await RegistryFaults.FromResponseAsync(host, response, what, _options.Time, timer.Token).ConfigureAwait(false);
        }

        if (response.Content.Headers.ContentEncoding.Count > 0) throw Wrong("arrives with a content encoding");
        long? length = response.Content.Headers.ContentLength;
        long bodyEnd = response.StatusCode == HttpStatusCode.PartialContent ? CheckRange(response.Content.Headers.ContentRange) : CheckWhole();
        Stream stream = await response.Content.ReadAsStreamAsync(timer.Token).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.OK) await SkipAsync(stream, position, timer, what, host).ConfigureAwait(false);
        return new BlobBody(host, response, stream, NewTimer(CancellationToken.None), Math.Min(bodyEnd, end));

        long CheckRange(ContentRangeHeaderValue? range)
        {
            if (range is not { HasRange: true, Unit: "bytes" }) throw Wrong("arrives as a range that does not say which");
            if (range.From != position || range.To < position || range.To - range.From + 1 != (length ?? (range.To - range.From + 1))) throw Wrong("arrives as another range than asked for");
            if (range.HasLength && range.Length < end) throw Wrong($"has {range.Length} bytes, at least {end} were expected");
            if (isWhole && range.HasLength && range.Length != end) throw Wrong($"has {range.Length} bytes, not {end}");
            return range.To!.Value + 1;
        }

        long CheckWhole()
        {
            if (length is { } total && (total < end || (isWhole && total != end))) throw Wrong($"has {total} bytes, not {end}");
            if (position > SkipLimit && !isLast) throw Wrong("can't be read in part: the host ignores ranges");
            return end;
        }

        RegistryFault Wrong(string problem) => new(SluiceError.Source, host.Name, $"{what} {problem}", transient: true);
    }

    private static async Task SkipAsync(Stream stream, long count, StallTimer timer, string what, RegistryHost host)
    {
        if (count == 0) return;
        byte[] waste = ArrayPool<byte>.Shared.Rent(64 << 10);
        try
        {
            while (count > 0)
            {
                int read = await stream.ReadAsync(waste.AsMemory(0, (int)Math.Min(waste.Length, count)), timer.Token).ConfigureAwait(false);
                if (read == 0) throw new RegistryFault(SluiceError.Source, host.Name, $"{what} ends too early", transient: true);
                timer.Advance(read);
                count -= read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(waste);
        }
    }
}
