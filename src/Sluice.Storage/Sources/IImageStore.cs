using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources;

/// <summary>A manifest or index exactly as it is stored, with the digest that was checked against its bytes.</summary>
public sealed record StoredManifest(string MediaType, Digest Digest, ReadOnlyMemory<byte> Content)
{
    public Descriptor ToDescriptor() => new() { MediaType = MediaType, Digest = Digest, Size = Content.Length };
}

/// <summary>
/// One place that holds images: a repository of a registry, an OCI layout directory or an OCI archive. Everything that
/// comes out whole (manifests, <see cref="OpenBlobAsync"/> to its end) has been checked against its digest and size; ranges
/// (<see cref="IBlobSource"/>) have not, their reader checks chunks. All members may be called concurrently. Failures are
/// <see cref="Formats.SluiceException"/>s that name the place; what does not exist is <see cref="Formats.SluiceError.NotFound"/>.
/// </summary>
public interface IImageStore : IBlobSource
{
    /// <summary>
    /// The places that blobs may come from, one by one and in the order in which they are asked, for readers that check what they get and choose by
    /// themselves. They live as long as the store. Reading the store itself asks them, too, but does not tell which one answered.
    /// </summary>
    IReadOnlyList<IBlobSource> Sources => [this];

    /// <summary>Gets a manifest by tag or digest.</summary>
    Task<StoredManifest> GetManifestAsync(string tagOrDigest, CancellationToken cancellation);

    /// <summary>A forward-only stream over a blob. Its last read throws if digest or size are wrong; the caller must read to the end.</summary>
    Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancellation);

    Task<bool> HasBlobAsync(Digest blob, CancellationToken cancellation);

    /// <summary>Begins the upload of a blob whose digest is not known yet.</summary>
    Task<IBlobUpload> StartUploadAsync(CancellationToken cancellation);

    /// <summary>Makes a blob of <paramref name="source"/> present here, without moving bytes where the places allow it (cross-repository mount, hard link).</summary>
    Task CopyBlobAsync(IImageStore source, Descriptor blob, CancellationToken cancellation);

    /// <summary>Stores a manifest under its digest and, where <paramref name="tag"/> is not null, under the tag too.</summary>
    Task PutManifestAsync(StoredManifest manifest, string? tag, CancellationToken cancellation);

    /// <summary>Descriptors of the manifests whose subject is <paramref name="subject"/>; empty where the place keeps none.</summary>
    Task<IReadOnlyList<Descriptor>> GetReferrersAsync(Digest subject, string? artifactType, CancellationToken cancellation);
}

/// <summary>
/// A blob on its way into an <see cref="IImageStore"/>. Bytes are appended in order by one caller at a time. Disposing
/// without <see cref="CommitAsync"/> abandons the upload and leaves nothing behind.
/// </summary>
public interface IBlobUpload : IAsyncDisposable
{
    ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellation);

    /// <summary>SHA-256 of the bytes so far, where the place computes it anyway; null where only the caller can.</summary>
    Digest? Digest => null;

    /// <summary>Ends the upload; <paramref name="digest"/> is that of all bytes written. Idempotent content: it may exist already.</summary>
    Task CommitAsync(Digest digest, CancellationToken cancellation);
}
