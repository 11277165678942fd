namespace Sluice.Formats.Rafs.Blobs;

/// <summary>Reads chunk-info arrays (V1, V2, with batch or zran contexts) in the two forms in which they are kept.</summary>
public static class ChunkInfoReader
{
    /// <summary>
    /// What to read of the blob (of the meta blob, if the blob is <see cref="BlobFeatures.Separate"/>): the stored array and
    /// the header behind it.
    /// </summary>
    /// <exception cref="InvalidFormatException">The blob table claims more than 1 GiB.</exception>
    public static (long Offset, int Length) GetRange(RafsBlob blob)
    {
        ArgumentNullException.ThrowIfNull(blob);
        if (blob.ChunkInfoOffset < 0 || blob.ChunkInfoCompressedSize is < 0 or > RafsBlobLimits.MaxMetadataSize)
        {
            throw new InvalidFormatException("nydus chunk info", $"blob {blob.Id} claims {blob.ChunkInfoCompressedSize} bytes at {blob.ChunkInfoOffset}");
        }

        return (blob.ChunkInfoOffset, (int)blob.ChunkInfoCompressedSize + ChunkInfoHeader.Size);
    }

    /// <summary>Reads what <see cref="GetRange"/> asked for.</summary>
    /// <param name="blob">The blob's entry in a bootstrap, with its key if it is encrypted.</param>
    /// <exception cref="InvalidFormatException">Corrupt, or another blob's.</exception>
    public static ChunkInfoTable ReadSection(RafsBlob blob, ReadOnlySpan<byte> section)
    {
        ArgumentNullException.ThrowIfNull(blob);
        if (section.Length < ChunkInfoHeader.Size) throw new InvalidFormatException("nydus chunk info", "shorter than a header");
        ReadOnlySpan<byte> stored = section[..^ChunkInfoHeader.Size];
        ReadOnlySpan<byte> header = section[^ChunkInfoHeader.Size..];
        if (BlobCipher.For(blob) is { } cipher)
        {
            stored = cipher.Decrypt(stored);
            header = cipher.Decrypt(header);
        }

        ChunkInfoHeader parsed = ChunkInfoHeader.Read(header);
        parsed.CheckAgainst(blob);
        return ReadStored(parsed, stored);
    }

    /// <summary>Reads an unencrypted <c>blob.meta</c> section of which no bootstrap is known: array and header, as the tar header delimits them.</summary>
    /// <exception cref="InvalidFormatException">Corrupt, or encrypted.</exception>
    public static ChunkInfoTable ReadSection(ReadOnlySpan<byte> section)
    {
        if (section.Length < ChunkInfoHeader.Size) throw new InvalidFormatException("nydus chunk info", "shorter than a header");
        return ReadStored(ChunkInfoHeader.Read(section[^ChunkInfoHeader.Size..]), section[..^ChunkInfoHeader.Size]);
    }

    /// <summary>
    /// Reads the file-cache form: the uncompressed array padded to 4096 bytes, the header as the last 4096 bytes. Bootstrap
    /// layers carry one per blob (<c>image/&lt;hex&gt;.blob.meta</c>).
    /// </summary>
    /// <param name="blob">The blob's entry in a bootstrap, to compare with; null when there is none.</param>
    /// <exception cref="InvalidFormatException">Corrupt, or another blob's.</exception>
    public static ChunkInfoTable ReadCacheFile(RafsBlob? blob, ReadOnlySpan<byte> file)
    {
        if (file.Length < ChunkInfoHeader.Size) throw new InvalidFormatException("nydus chunk info", "shorter than a header");
        ChunkInfoHeader header = ChunkInfoHeader.Read(file[^ChunkInfoHeader.Size..]);
        if (blob is not null) header.CheckAgainst(blob);
        ReadOnlySpan<byte> array = file[..^ChunkInfoHeader.Size];
        if (header.UncompressedSize > array.Length)
        {
            throw new InvalidFormatException("nydus chunk info", $"{array.Length} bytes of an array of {header.UncompressedSize}");
        }

        return ReadArray(header, array[..(int)header.UncompressedSize]);
    }

    private static ChunkInfoTable ReadStored(ChunkInfoHeader header, ReadOnlySpan<byte> stored)
    {
        if (stored.Length != header.CompressedSize)
        {
            throw new InvalidFormatException("nydus chunk info", $"{stored.Length} bytes instead of {header.CompressedSize}");
        }

        return ReadArray(header, BlobMetadataCodec.Decompress(header.Compressor, stored, header.UncompressedSize, BlobSection.BlobMeta));
    }

    private static ChunkInfoTable ReadArray(ChunkInfoHeader header, ReadOnlySpan<byte> array)
    {
        var chunks = new ChunkInfo[header.ChunkCount];
        bool v2 = header.EntrySize == ChunkInfoLayout.V2Size;
        for (int i = 0; i < chunks.Length; i++)
        {
            ReadOnlySpan<byte> entry = array.Slice(i * header.EntrySize, header.EntrySize);
            chunks[i] = v2 ? ChunkInfoLayout.ReadV2(entry) : ChunkInfoLayout.ReadV1(entry);
        }

        ReadOnlySpan<byte> contexts = header.HasContexts ? array.Slice((int)header.ContextOffset, (int)header.ContextSize) : [];
        bool zran = header.Features.HasFlag(BlobFeatures.Zran);
        return new ChunkInfoTable
        {
            Features = header.Features,
            Chunks = chunks,
            Batches = header.Features.HasFlag(BlobFeatures.Batch) ? ReadBatches(contexts, header.ContextCount) : [],
            Contexts = zran ? ReadContexts(contexts, header.ContextCount) : [],
            Dictionaries = zran ? contexts[(header.ContextCount * ZranContext.Size)..].ToArray() : default,
        };
    }

    private static BatchContext[] ReadBatches(ReadOnlySpan<byte> contexts, int count)
    {
        var result = new BatchContext[count];
        for (int i = 0; i < count; i++) result[i] = BatchContext.Read(contexts.Slice(i * BatchContext.Size, BatchContext.Size));
        return result;
    }

    private static ZranContext[] ReadContexts(ReadOnlySpan<byte> contexts, int count)
    {
        var result = new ZranContext[count];
        long dictionaries = contexts.Length - ((long)count * ZranContext.Size);
        for (int i = 0; i < count; i++)
        {
            ZranContext context = ZranContext.Read(contexts.Slice(i * ZranContext.Size, ZranContext.Size));
            if (context.DictionaryOffset + context.DictionaryLength > dictionaries)
            {
                throw new InvalidFormatException("nydus chunk info", $"the dictionary of zran context {i} reaches beyond the table");
            }

            result[i] = context;
        }

        return result;
    }
}
