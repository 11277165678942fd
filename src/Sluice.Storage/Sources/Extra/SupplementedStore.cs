using System.Collections.Concurrent;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources.Places;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Storage.Sources.Extra;

/// <summary>
/// A repository of a registry whose blobs also come from extra sources. Manifests, tags and everything that is written are the registry's alone. Blobs come from
/// whoever has them, in order; the registry's own mirrors keep theirs. Mirrors, extra sources and how they are reached follow the configuration while the store is open.
/// </summary>
internal sealed class SupplementedStore : IImageStore, ITaggedStore
{
    private readonly ImageReference _image;
    private readonly RegistryConnections _connections;
    private readonly bool _ownsConnections;
    private readonly FollowedSources _sources;
    private readonly ConcurrentDictionary<Digest, IBlobSource> _delivered = new();
    private volatile Parts _parts;

    /// <param name="ownsConnections">They are disposed with the store; otherwise it follows their changes.</param>
    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: a <c>hosts.toml</c> is wrong.</exception>
    public SupplementedStore(ImageReference image, SourceOptions options, RegistryConnections connections, bool ownsConnections)
    {
        (_image, _connections, _ownsConnections) = (image, connections, ownsConnections);
        _parts = new Parts(image, options, connections);
        _sources = new FollowedSources(_parts.Sources);
        if (!ownsConnections) connections.Follow(this, options);
    }

    public string Name => Registry.Name;

    /// <summary>Its own part, for those that only that part can do something for.</summary>
    public RegistryStore Registry => _parts.Registry;

    public IReadOnlyList<IBlobSource> Sources => _sources;

    /// <summary>Gets ready to be as other options want it. What is under way goes on as it began.</summary>
    /// <returns>Makes it so.</returns>
    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: a <c>hosts.toml</c> is wrong; nothing has changed.</exception>
    public Action Prepare(SourceOptions options)
    {
        var parts = new Parts(_image, options, _connections);
        return () =>
        {
            _parts = parts; // those before have nothing of their own to dispose
            _sources.Current = parts.Sources;
        };
    }

    public Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation) => TryEachAsync(
        blob,
        async source =>
        {
            await source.ReadAsync(blob, offset, destination, cancellation).ConfigureAwait(false);
            return destination.Length;
        });

    public Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancellation) =>
        TryEachAsync(blob.Digest, source => source is RegistryStore registry ? registry.OpenBlobAsync(blob, cancellation) : SourceStream.OpenAsync(source, blob, cancellation));

    public void Reject(Digest blob)
    {
        if (_delivered.TryGetValue(blob, out IBlobSource? source)) source.Reject(blob);
    }

    public Task<StoredManifest> GetManifestAsync(string tagOrDigest, CancellationToken cancellation) => Registry.GetManifestAsync(tagOrDigest, cancellation);

    public Task<bool> HasBlobAsync(Digest blob, CancellationToken cancellation) => Registry.HasBlobAsync(blob, cancellation);

    public Task<IBlobUpload> StartUploadAsync(CancellationToken cancellation) => Registry.StartUploadAsync(cancellation);

    public Task CopyBlobAsync(IImageStore source, Descriptor blob, CancellationToken cancellation) =>
        Registry.CopyBlobAsync(source is SupplementedStore other ? other.Registry : source, blob, cancellation);

    public Task PutManifestAsync(StoredManifest manifest, string? tag, CancellationToken cancellation) => Registry.PutManifestAsync(manifest, tag, cancellation);

    public Task<IReadOnlyList<Descriptor>> GetReferrersAsync(Digest subject, string? artifactType, CancellationToken cancellation) => Registry.GetReferrersAsync(subject, artifactType, cancellation);

    public Task<IReadOnlyList<string>> ListTagsAsync(CancellationToken cancellation) => Registry.ListTagsAsync(cancellation);

    public async ValueTask DisposeAsync()
    {
        _connections.Leave(this);
        foreach (IBlobSource source in _parts.Order) await source.DisposeAsync().ConfigureAwait(false);
        if (_ownsConnections) _connections.Dispose();
    }

    private async Task<T> TryEachAsync<T>(Digest blob, Func<IBlobSource, Task<T>> ask)
    {
        SluiceException? told = null;
        foreach (IBlobSource source in _parts.Order.OrderBy(source => RankOf(source.Place, blob)))
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
                if (told is null || source is RegistryStore || (told.MayPassIn is null && exception.MayPassIn is not null)) told = exception;
            }
        }

        throw told!;
    }

    private static int RankOf(SourcePlace? place, Digest blob) => place is null ? 0 : place.Distrusts(blob) ? 2 : place.IsResting || place.Wait() > TimeSpan.Zero ? 1 : 0;

    /// <summary>What one state of the configuration makes of an image.</summary>
    private sealed class Parts
    {
        public Parts(ImageReference image, SourceOptions options, RegistryConnections connections)
        {
            Registry = new RegistryStore(image.Host, image.Repository, options with { Connections = connections });
            (IReadOnlyList<IBlobSource> first, IReadOnlyList<IBlobSource> last) = ExtraSource.OpenAll(image, options, connections);
            Order = [.. first, Registry, .. last];
            Sources = [.. first, .. Registry.Sources, .. last];
        }

        public RegistryStore Registry { get; }

        /// <summary>The registry as one, its mirrors and itself, among the extra sources.</summary>
        public IReadOnlyList<IBlobSource> Order { get; }

        /// <summary>One by one.</summary>
        public IReadOnlyList<IBlobSource> Sources { get; }
    }
}
