using System.Collections.Concurrent;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources.Places;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Storage.Sources.Extra;

/// <summary>
/// A repository of a registry whose blobs also come from extra sources. Manifests, tags and everything that is written are the registry's alone. Blobs come from
/// whoever has them, in order; the registry's own mirrors keep theirs.
/// </summary>
/// <param name="owned">Disposed with the store; null: nothing.</param>
internal sealed class SupplementedStore(RegistryStore registry, (IReadOnlyList<IBlobSource> First, IReadOnlyList<IBlobSource> Last) extra, RegistryConnections? owned) : IImageStore, ITaggedStore
{
    private readonly IBlobSource[] _order = [.. extra.First, registry, .. extra.Last];
    private readonly ConcurrentDictionary<Digest, IBlobSource> _delivered = new();

    public string Name => registry.Name;

    /// <summary>Its own part, for those that only that part can do something for.</summary>
    public RegistryStore Registry => registry;

    public IReadOnlyList<IBlobSource> Sources { get; } = [.. extra.First, .. registry.Sources, .. extra.Last];

    public Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation) => TryEachAsync(
        blob,
        async source =>
        {
            await source.ReadAsync(blob, offset, destination, cancellation).ConfigureAwait(false);
            return destination.Length;
        });

    public Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancellation) =>
        TryEachAsync(blob.Digest, source => source == registry ? registry.OpenBlobAsync(blob, cancellation) : SourceStream.OpenAsync(source, blob, cancellation));

    public void Reject(Digest blob)
    {
        if (_delivered.TryGetValue(blob, out IBlobSource? source)) source.Reject(blob);
    }

    public Task<StoredManifest> GetManifestAsync(string tagOrDigest, CancellationToken cancellation) => registry.GetManifestAsync(tagOrDigest, cancellation);

    public Task<bool> HasBlobAsync(Digest blob, CancellationToken cancellation) => registry.HasBlobAsync(blob, cancellation);

    public Task<IBlobUpload> StartUploadAsync(CancellationToken cancellation) => registry.StartUploadAsync(cancellation);

    public Task CopyBlobAsync(IImageStore source, Descriptor blob, CancellationToken cancellation) =>
        registry.CopyBlobAsync(source is SupplementedStore other ? other.Registry : source, blob, cancellation);

    public Task PutManifestAsync(StoredManifest manifest, string? tag, CancellationToken cancellation) => registry.PutManifestAsync(manifest, tag, cancellation);

    public Task<IReadOnlyList<Descriptor>> GetReferrersAsync(Digest subject, string? artifactType, CancellationToken cancellation) => registry.GetReferrersAsync(subject, artifactType, cancellation);

    public Task<IReadOnlyList<string>> ListTagsAsync(CancellationToken cancellation) => registry.ListTagsAsync(cancellation);

    public async ValueTask DisposeAsync()
    {
        foreach (IBlobSource source in _order) await source.DisposeAsync().ConfigureAwait(false);
        owned?.Dispose();
    }

    private async Task<T> TryEachAsync<T>(Digest blob, Func<IBlobSource, Task<T>> ask)
    {
        SluiceException? told = null;
        foreach (IBlobSource source in _order.OrderBy(source => RankOf(source.Place, blob)))
        {
            try
            {
                T result = await ask(source).ConfigureAwait(false);
                source.Place?.Answered();
                _delivered[blob] = source;
                return result;
            }
            catch (SluiceException exception)
            {
                if (exception is RegistryFault { Transient: true, RetryAfter: null }) source.Place?.Failed();

                // The registry is who should have it: what it says is told; what may pass sooner than that, in its place.
                if (told is null || source == registry || (told.MayPassIn is null && exception.MayPassIn is not null)) told = exception;
            }
        }

        throw told!;
    }

    private static int RankOf(SourcePlace? place, Digest blob) => place is null ? 0 : place.Distrusts(blob) ? 2 : place.IsResting || place.Wait() > TimeSpan.Zero ? 1 : 0;
}
