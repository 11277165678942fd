using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Build.Convert;

/// <summary>Blobs that are in memory as a whole.</summary>
internal static class SmallBlobs
{
    /// <summary>Stores a blob unless it is there.</summary>
    public static async Task<Descriptor> PushAsync(this IImageStore destination, byte[] content, string mediaType, CancellationToken cancellation)
    {
        var descriptor = new Descriptor { MediaType = mediaType, Digest = Digest.Sha256(content), Size = content.Length };
        if (await destination.HasBlobAsync(descriptor.Digest, cancellation)) return descriptor;
        await using IBlobUpload upload = await destination.StartUploadAsync(cancellation);
        await upload.WriteAsync(content, cancellation);
        await upload.CommitAsync(descriptor.Digest, cancellation);
        return descriptor;
    }
}
