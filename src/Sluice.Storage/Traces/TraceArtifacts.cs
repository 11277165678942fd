using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Traces;

/// <summary>
/// Traces beside their image in a registry or layout, which stays as it is: an artifact that refers to the image's manifest, with the trace as its one layer.
/// Source of the shape: OCI image-spec 1.1, "guidelines for artifact usage".
/// </summary>
public static class TraceArtifacts
{
    public const string MediaType = "application/vnd.sluice.trace.v1+json";

    /// <summary>So many are read of an image; a plan of more would fetch what hardly any start needs.</summary>
    private const int Most = 4;

    /// <summary>Puts a trace beside its image.</summary>
    /// <returns>The digest of the artifact.</returns>
    /// <exception cref="SluiceException">The image is not there, or the place takes nothing.</exception>
    public static async Task<Digest> PushAsync(IImageStore store, StartTrace trace, CancellationToken cancellation)
    {
        StoredManifest image = await store.GetManifestAsync(trace.Manifest.ToString(), cancellation);
        Descriptor layer = await PutAsync(store, TraceFile.Write(trace.ForOthers()), MediaType, cancellation);
        Descriptor config = await PutAsync(store, "{}"u8.ToArray(), MediaTypes.OciEmpty, cancellation);
        var manifest = new ImageManifest { MediaType = MediaTypes.OciManifest, ArtifactType = MediaType, Config = config, Layers = [layer], Subject = image.ToDescriptor() };
        byte[] content = manifest.ToBytes();
        StoredManifest stored = new(MediaTypes.OciManifest, Digest.Sha256(content), content);
        await store.PutManifestAsync(stored, tag: null, cancellation);
        return stored.Digest;
    }

    /// <summary>The traces beside an image, as one; null: there are none. Those that are damaged, or of something else, are left out.</summary>
    /// <param name="warn">Told of each of these.</param>
    /// <exception cref="SluiceException">The place does not answer.</exception>
    public static async Task<StartTrace?> FindAsync(IImageStore store, Digest image, CancellationToken cancellation, Action<string>? warn = null)
    {
        IEnumerable<Descriptor> artifacts = (await store.GetReferrersAsync(image, MediaType, cancellation)).TakeLast(Most);
        return StartTrace.Join([.. (await Task.WhenAll(artifacts.Select(artifact => ReadAsync(store, artifact, image, warn, cancellation)))).OfType<StartTrace>()]);
    }

    /// <returns>Null: it is damaged, or of something else.</returns>
    private static async Task<StartTrace?> ReadAsync(IImageStore store, Descriptor artifact, Digest image, Action<string>? warn, CancellationToken cancellation)
    {
        try
        {
            StoredImage stored = StoredImage.Of(store, await store.GetManifestAsync(artifact.Digest.ToString(), cancellation));
            Descriptor layer = stored.Manifest.Layers.Single(layer => layer.MediaType == MediaType && layer.Size <= TraceFile.MaxLength);
            StartTrace trace = TraceFile.Read(await stored.ReadBlobAsync(layer, TraceFile.MaxLength, cancellation));
            return trace.Manifest == image ? trace : throw new InvalidFormatException("trace", $"is of {trace.Manifest}");
        }
        catch (Exception exception) when (exception is SluiceException or InvalidOperationException or EndOfStreamException)
        {
            // Somebody else's mistake, or it has gone; it is as if it were not there.
            warn?.Invoke($"{store.Name}, artifact {artifact.Digest}: {exception.Message}");
            return null;
        }
    }

    private static async Task<Descriptor> PutAsync(IImageStore store, byte[] content, string mediaType, CancellationToken cancellation)
    {
        Digest digest = Digest.Sha256(content);
        if (!await store.HasBlobAsync(digest, cancellation))
        {
            await using IBlobUpload upload = await store.StartUploadAsync(cancellation);
            await upload.WriteAsync(content, cancellation);
            await upload.CommitAsync(digest, cancellation);
        }

        return new Descriptor { MediaType = mediaType, Digest = digest, Size = content.Length };
    }
}
