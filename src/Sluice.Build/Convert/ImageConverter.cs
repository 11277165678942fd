using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Build.Convert;

/// <summary>
/// Makes a RAFS or OverlayBD image of an OCI or Docker image, from any <see cref="IImageStore"/> to any other. Streams: no layer
/// touches the local disk, except that a block layer waits there, compressed, for its upload. Unprivileged and deterministic. An index can be converted whole; what in it is no image (attestations) is copied.
/// </summary>
public sealed class ImageConverter(IImageStore source, IImageStore destination, ConvertOptions options, IConvertProgress? progress = null)
{
    private const long MinVirtualSize = 1 << 20;
    private const int MaxJobs = 1024;
    private const string AttestationDigest = "vnd.docker.reference.digest";

    /// <param name="from">Tag or digest in the source.</param>
    /// <param name="to">Tag in the destination; null stores by digest only.</param>
    /// <exception cref="SluiceException">Wrong options, corrupt image, or a store that failed. The destination's tag is untouched then.</exception>
    public async Task<ConvertResult> ConvertAsync(string from, string? to, CancellationToken cancellation)
    {
        Check(options);
        if (!options.AllPlatforms)
        {
            Platform platform = options.Platform ?? Platform.Host;
            StoredImage image = await ImageResolver.ResolveAsync(source, from, platform, preferAccelerated: false, cancellation);
            ConvertedImage converted = await ConvertImageAsync(image, await PreviousAsync(to, platform, cancellation), cancellation);
            if (to is not null) await TagAsync(converted.Manifest, to, cancellation);
            return new ConvertResult(converted.Manifest, [converted]);
        }

        StoredManifest stored = await source.GetManifestAsync(from, cancellation);
        if (!MediaTypes.IsIndex(stored.MediaType))
        {
            StoredImage single = StoredImage.Of(source, stored);
            ConvertedImage converted = await ConvertImageAsync(single, await PreviousAsync(to, Platform.Host, cancellation), cancellation);
            if (to is not null) await TagAsync(converted.Manifest, to, cancellation);
            return new ConvertResult(converted.Manifest, [converted]);
        }

        return await ConvertIndexAsync(ImageIndex.Parse(stored.Content.Span, stored.MediaType), to, cancellation);
    }

    private async Task<ConvertResult> ConvertIndexAsync(ImageIndex index, string? to, CancellationToken cancellation)
    {
        var images = new List<ConvertedImage>();
        var entries = new Descriptor[index.Manifests.Count];
        var renamed = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < entries.Length; i++)
        {
            Descriptor entry = index.Manifests[i];
            if (!MediaTypes.IsManifest(entry.MediaType) || entry.Platform is null or { Os: "unknown" }) continue;
            StoredManifest stored = await source.GetManifestAsync(entry.Digest.ToString(), cancellation);
            StoredImage image = StoredImage.Of(source, stored);
            if (!image.Manifest.IsContainerImage) continue;
            ConvertedImage converted = await ConvertImageAsync(image, await PreviousAsync(to, entry.Platform, cancellation), cancellation);
            images.Add(converted);
            entries[i] = entry with { MediaType = converted.Manifest.MediaType, Digest = converted.Manifest.Digest, Size = converted.Manifest.Size };
            renamed[entry.Digest.ToString()] = converted.Manifest.Digest.ToString();
        }

        if (images.Count == 0) throw new SluiceException(SluiceError.Image, source.Name, "the index holds no container image");
        for (int i = 0; i < entries.Length; i++) entries[i] ??= await CopyEntryAsync(index.Manifests[i], renamed, cancellation);
        byte[] content = (index with { MediaType = MediaTypes.OciIndex, Manifests = entries }).ToBytes();
        var result = new StoredManifest(MediaTypes.OciIndex, Digest.Sha256(content), content);
        await destination.PutManifestAsync(result, to, cancellation);
        return new ConvertResult(result.ToDescriptor(), images);
    }

    /// <summary>Copies what is no image. An attestation goes on pointing at its image, which has a new digest now.</summary>
    private async Task<Descriptor> CopyEntryAsync(Descriptor entry, Dictionary<string, string> renamed, CancellationToken cancellation)
    {
        await CopyTreeAsync(entry, depth: 0, [], cancellation);
        if (entry.Annotations?.TryGetValue(AttestationDigest, out string? subject) != true || !renamed.TryGetValue(subject!, out string? now)) return entry;
        return entry with { Annotations = new Dictionary<string, string>(entry.Annotations!, StringComparer.Ordinal) { [AttestationDigest] = now } };
    }

    /// <summary>Copies a manifest with its blobs, or an index with all that it lists.</summary>
    private async Task CopyTreeAsync(Descriptor entry, int depth, HashSet<Digest> copied, CancellationToken cancellation)
    {
        if (!copied.Add(entry.Digest)) return;
        if (depth > OciLimits.IndexDepth) throw new SluiceException(SluiceError.Image, source.Name, $"nests indexes deeper than {OciLimits.IndexDepth}");
        StoredManifest stored = await source.GetManifestAsync(entry.Digest.ToString(), cancellation);
        if (MediaTypes.IsManifest(stored.MediaType))
        {
            ImageManifest manifest = ImageManifest.Parse(stored.Content.Span, stored.MediaType);
            foreach (Descriptor blob in manifest.Layers.Append(manifest.Config).DistinctBy(b => b.Digest)) await destination.CopyBlobAsync(source, blob, cancellation);
        }
        else if (MediaTypes.IsIndex(stored.MediaType))
        {
            foreach (Descriptor child in ImageIndex.Parse(stored.Content.Span, stored.MediaType).Manifests) await CopyTreeAsync(child, depth + 1, copied, cancellation);
        }

        await destination.PutManifestAsync(stored, tag: null, cancellation);
    }

    private Task<ConvertedImage> ConvertImageAsync(StoredImage image, StoredImage? previous, CancellationToken cancellation) =>
        options.Block is null
            ? new RafsConverter(image, destination, options, progress).ConvertAsync(previous, cancellation)
            : new OverlayBdConverter(image, destination, options, progress).ConvertAsync(previous, cancellation);

    /// <summary>What the destination's name means so far, or null. Whatever is wrong with it only costs the reuse.</summary>
    private async Task<StoredImage?> PreviousAsync(string? to, Platform platform, CancellationToken cancellation)
    {
        if (to is null || !options.Reuse) return null;
        try
        {
            return await ImageResolver.ResolveAsync(destination, to, platform, preferAccelerated: true, cancellation);
        }
        catch (SluiceException exception) when (exception.Error is SluiceError.NotFound or SluiceError.Image)
        {
            return null;
        }
    }

    private async Task TagAsync(Descriptor manifest, string tag, CancellationToken cancellation)
    {
        StoredManifest stored = await destination.GetManifestAsync(manifest.Digest.ToString(), cancellation);
        await destination.PutManifestAsync(stored, tag, cancellation);
    }

    private static void Check(ConvertOptions options)
    {
        if (options.Jobs is < 1 or > MaxJobs) throw new SluiceException(SluiceError.Usage, "--jobs", $"{options.Jobs} is not from 1 to {MaxJobs}");
        if (options.Block is { } block)
        {
            Check(block);
            return;
        }

        if (options.ChunkSize is < 4096 or > 16 << 20 || !int.IsPow2(options.ChunkSize))
        {
            throw new SluiceException(SluiceError.Usage, "--chunk-size", $"{options.ChunkSize} is not a power of two from 4 KiB to 16 MiB");
        }

        if (options.Compressor == Formats.Compression.Compressor.Gzip) throw new SluiceException(SluiceError.Usage, "--compressor", "RAFS chunks are written with zstd, lz4_block or none");
        if (options.Level is < 1 or > 19) throw new SluiceException(SluiceError.Usage, "--level", $"{options.Level} is not from 1 to 19");
    }

    private static void Check(BlockImageOptions options)
    {
        BlockImageOptions.CheckBlockSize(options.BlockSize);
        if (options.VirtualSize is < MinVirtualSize or > (long)uint.MaxValue << 12 || options.VirtualSize % 4096 != 0)
            throw new SluiceException(SluiceError.Usage, "--vsize", $"{options.VirtualSize} is not a multiple of 4 KiB from 1 MiB to 16 TiB less 4 KiB");
    }
}
