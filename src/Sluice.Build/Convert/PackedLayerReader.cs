using Sluice.Build.Layers;
using Sluice.Formats;
using Sluice.Formats.Hashing;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Formats.Trees;
using Sluice.Storage.Sources;

namespace Sluice.Build.Convert;

/// <summary>Gets a finished layer back out of its blob: the bootstrap and the chunk table at its end, a few ranged reads and no data.</summary>
internal static class PackedLayerReader
{
    private const int TailSize = 64 << 10;

    /// <param name="index">The layer's number in the image; blobs of the layers below are in <paramref name="blobs"/>.</param>
    public static async Task<PackedLayer> ReadAsync(IBlobSource source, Descriptor descriptor, int index, ImageBlobs blobs, CancellationToken cancellation)
    {
        BlobToc toc = await ReadTocAsync(source, descriptor, cancellation);
        byte[] bootstrap = await ReadSectionAsync(source, descriptor, toc, BlobSection.ImageBoot, cancellation)
            ?? throw new InvalidFormatException("rafs blob", $"{descriptor.Digest} has no bootstrap of its own");
        RafsImage image = RafsReader.Read(bootstrap);
        int ownIndex = image.Blobs.ToList().FindIndex(blob => blob.Id == RafsBlobWriter.UnknownId);
        RafsBlob? own = ownIndex < 0 ? null : image.Blobs[ownIndex];
        ChunkInfo[] chunks = [];
        byte[] chunkInfoFile = [];
        if (toc.Find(BlobSection.BlobMeta) is not null)
        {
            byte[] digests = await ReadSectionAsync(source, descriptor, toc, BlobSection.BlobDigest, cancellation) ?? [];
            (ChunkInfoTable table, chunkInfoFile) = await ReadChunkInfoAsync(source, descriptor, toc, cancellation);
            if (own is null) throw new InvalidFormatException("rafs blob", $"{descriptor.Digest} has chunks that its bootstrap does not use");
            chunks = table.WithDigests(digests).WithTrusted(image.Chunks[ownIndex]).Chunks;
        }

        int[] layers = [.. image.Blobs.Select(blob => blob.Id == RafsBlobWriter.UnknownId ? index : FindLayer(blob, blobs, descriptor))];
        Inode root = TreeCopy.Map(image.Root, chunk => chunk with { Blob = layers[chunk.Blob] });
        LayerTree tree = LayerBootstrap.Read(root);
        // Last: a layer that turns out to be damaged is packed anew under the same number.
        for (int i = 0; i < chunks.Length; i++) blobs.Remember(chunks[i].Digest, new ChunkReference(index, i));
        return new PackedLayer
        {
            Tree = tree,
            Digest = descriptor.Digest,
            Size = descriptor.Size,
            Blob = own is null ? null : own with { Id = descriptor.Digest.Hex, Features = own.Features & ~BlobFeatures.InlinedFsMeta },
            Chunks = chunks,
            ChunkInfoFile = chunkInfoFile,
        };
    }

    private static int FindLayer(RafsBlob blob, ImageBlobs blobs, Descriptor descriptor)
    {
        for (int i = 0; i < blobs.Blobs.Count; i++)
        {
            if (blobs.Blobs[i]?.Id == blob.Id) return i;
        }

        throw new InvalidFormatException("rafs blob", $"{descriptor.Digest} uses the blob {blob.Id}, which is none of the layers below it");
    }

    private static async Task<BlobToc> ReadTocAsync(IBlobSource source, Descriptor descriptor, CancellationToken cancellation)
    {
        long from = Math.Max(0, descriptor.Size - TailSize);
        while (true)
        {
            byte[] tail = await ReadAsync(source, descriptor, from, descriptor.Size - from, cancellation);
            BlobToc? toc = BlobToc.ReadTail(descriptor.Size, tail, out long neededFrom);
            if (toc is not null) return toc;
            if (neededFrom >= from) throw new InvalidFormatException("rafs blob", $"{descriptor.Digest} has no table of contents");
            from = neededFrom;
        }
    }

    private static async Task<(ChunkInfoTable Table, byte[] File)> ReadChunkInfoAsync(IBlobSource source, Descriptor descriptor, BlobToc toc, CancellationToken cancellation)
    {
        BlobTocEntry meta = toc.Find(BlobSection.BlobMeta)!;
        BlobTocEntry header = toc.Find(BlobSection.BlobMetaHeader) ?? throw new InvalidFormatException("rafs blob", $"{descriptor.Digest} has no chunk-info header");
        byte[] section = await ReadAsync(source, descriptor, meta.Offset, header.Offset + header.CompressedSize - meta.Offset, cancellation);
        if (header.Offset != meta.Offset + meta.CompressedSize) throw new InvalidFormatException("rafs blob", $"{descriptor.Digest}: the chunk-info header does not follow the chunk info");
        _ = meta.Unpack(section.AsSpan(0, (int)meta.CompressedSize)); // for their digests
        _ = header.Unpack(section.AsSpan((int)meta.CompressedSize));
        ChunkInfoTable table = ChunkInfoReader.ReadSection(section);
        return (table, ChunkInfoWriter.WriteCacheFile(ChunkInfoHeader.Read(section.AsSpan(^ChunkInfoHeader.Size..)), ChunkInfoWriter.WriteArray(table)));
    }

    private static async Task<byte[]?> ReadSectionAsync(IBlobSource source, Descriptor descriptor, BlobToc toc, string name, CancellationToken cancellation)
    {
        if (toc.Find(name) is not { } entry) return null;
        return entry.Unpack(await ReadAsync(source, descriptor, entry.Offset, entry.CompressedSize, cancellation));
    }

    private static async Task<byte[]> ReadAsync(IBlobSource source, Descriptor descriptor, long offset, long length, CancellationToken cancellation)
    {
        if (offset < 0 || length < 0 || length > RafsBlobLimits.MaxMetadataSize || offset + length > descriptor.Size)
        {
            throw new InvalidFormatException("rafs blob", $"{descriptor.Digest}: a section of {length} bytes at {offset} is not inside the blob");
        }

        byte[] content = GC.AllocateUninitializedArray<byte>((int)length);
        await source.ReadAsync(descriptor.Digest, offset, content, cancellation);
        return content;
    }
}
