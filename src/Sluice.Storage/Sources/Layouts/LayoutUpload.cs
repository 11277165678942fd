using System.Security.Cryptography;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Layouts;

/// <summary>A blob that grows in a temporary file and becomes visible by rename.</summary>
internal sealed class LayoutUpload : IBlobUpload
{
    private readonly LayoutStore _store;
    private readonly string _temporary;
    private readonly FileStream _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool _committed;

    public LayoutUpload(LayoutStore store, string temporary)
    {
        _store = store;
        _temporary = temporary;
        _file = Guard(() => new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0));
    }

    public Digest? Digest => Formats.Oci.Digest.FromSha256(_hash.GetCurrentHash());

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellation)
    {
        _hash.AppendData(data.Span);
        try
        {
            await _file.WriteAsync(data, cancellation).ConfigureAwait(false);
        }
        catch (IOException error)
        {
            throw Failed(error);
        }
    }

    public async Task CommitAsync(Digest digest, CancellationToken cancellation)
    {
        byte[] hash = digest.Algorithm == "sha256" ? _hash.GetCurrentHash() : await HashAgainAsync(digest, cancellation).ConfigureAwait(false);
        if (!digest.Matches(hash)) throw new SluiceException(SluiceError.Usage, _store.Name, $"the uploaded bytes do not have the digest {digest}");
        Guard(() =>
        {
            _file.Flush(flushToDisk: true);
            _file.Dispose();
            _store.Adopt(_temporary, digest);
            return true;
        });
        _committed = true;
    }

    public async ValueTask DisposeAsync()
    {
        await _file.DisposeAsync().ConfigureAwait(false);
        _hash.Dispose();
        if (!_committed) File.Delete(_temporary);
    }

    private async Task<byte[]> HashAgainAsync(Digest digest, CancellationToken cancellation)
    {
        _file.Position = 0;
        byte[] buffer = new byte[256 << 10];
        using IncrementalHash hash = digest.NewHash();
        int read;
        while ((read = await _file.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0) hash.AppendData(buffer, 0, read);
        return hash.GetHashAndReset();
    }

    private T Guard<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Failed(error);
        }
    }

    private SluiceException Failed(Exception error) => new(SluiceError.Disk, _store.Name, $"can't write a blob: {error.Message}", inner: error);
}
