using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Build.Tests.Support;

/// <summary>Counts ranged reads.</summary>
internal sealed class CountingStore(IImageStore inner) : IImageStore
{
    public string Name => inner.Name;

    public int Reads { get; set; }

    public Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        Reads++;
        return inner.ReadAsync(blob, offset, destination, cancellation);
    }

    public Task<StoredManifest> GetManifestAsync(string tagOrDigest, CancellationToken cancellation) => inner.GetManifestAsync(tagOrDigest, cancellation);

    public Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancellation) => inner.OpenBlobAsync(blob, cancellation);

    public Task<bool> HasBlobAsync(Digest blob, CancellationToken cancellation) => inner.HasBlobAsync(blob, cancellation);

    public Task<IBlobUpload> StartUploadAsync(CancellationToken cancellation) => inner.StartUploadAsync(cancellation);

    public Task CopyBlobAsync(IImageStore source, Descriptor blob, CancellationToken cancellation) => inner.CopyBlobAsync(source, blob, cancellation);

    public Task PutManifestAsync(StoredManifest manifest, string? tag, CancellationToken cancellation) => inner.PutManifestAsync(manifest, tag, cancellation);

    public Task<IReadOnlyList<Descriptor>> GetReferrersAsync(Digest subject, string? artifactType, CancellationToken cancellation) => inner.GetReferrersAsync(subject, artifactType, cancellation);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
