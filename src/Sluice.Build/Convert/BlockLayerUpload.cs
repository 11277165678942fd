using System.Security.Cryptography;
using Sluice.Build.OverlayBd;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Storage.Sources;

namespace Sluice.Build.Convert;

/// <summary>Uploads block layers in the tar that registries hold them in. Its head says how long the layer is, which is why the layer waits in a file.</summary>
internal static class BlockLayerUpload
{
    private const int BufferSize = 1 << 20;

    /// <param name="key">See <see cref="LayerReuse.KeyAnnotation"/>.</param>
    /// <param name="fileSystem">On the device; see <see cref="OverlayBdAnnotations.FileSystem"/>.</param>
    /// <returns>The descriptor that belongs into the manifest.</returns>
    public static async Task<Descriptor> RunAsync(ScratchFile file, string key, IImageStore destination, CancellationToken cancellation, string fileSystem = "ext4")
    {
        var wrapper = new TarWrapper(TarWrapper.PaxPayloadOffset, file.Length);
        await using IBlobUpload upload = await destination.StartUploadAsync(cancellation);
        using IncrementalHash? hash = upload.Digest is null ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        byte[] buffer = GC.AllocateUninitializedArray<byte>(BufferSize);
        wrapper.WriteHeader(buffer);
        int filled = wrapper.PayloadOffset;
        file.Position = 0;
        for (long left = wrapper.PayloadLength; left > 0;)
        {
            int count = (int)Math.Min(left, buffer.Length - filled);
            file.ReadExactly(buffer.AsSpan(filled, count));
            filled += count;
            left -= count;
            if (filled < buffer.Length) continue;
            await WriteAsync(filled);
            filled = 0;
        }

        if (buffer.Length - filled < wrapper.TrailerLength)
        {
            await WriteAsync(filled);
            filled = 0;
        }

        buffer.AsSpan(filled, wrapper.TrailerLength).Clear();
        await WriteAsync(filled + wrapper.TrailerLength);
        Digest digest = hash is null ? upload.Digest!.Value : Digest.FromSha256(hash.GetHashAndReset());
        await upload.CommitAsync(digest, cancellation);
        return Describe(digest, wrapper.TotalLength, key, fileSystem);

        async ValueTask WriteAsync(int length)
        {
            hash?.AppendData(buffer, 0, length);
            await upload.WriteAsync(buffer.AsMemory(0, length), cancellation);
        }
    }

    private static Descriptor Describe(Digest digest, long size, string key, string fileSystem)
    {
        Descriptor layer = OverlayBdAnnotations.Describe(digest, size, fileSystem);
        return layer with { Annotations = new Dictionary<string, string>(layer.Annotations!, StringComparer.Ordinal) { [LayerReuse.KeyAnnotation] = key } };
    }
}
