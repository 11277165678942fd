using System.Runtime.InteropServices;
using Sluice.Formats.Erofs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs.V6;

/// <summary>
/// Reads the chunk addresses of files and ties them to chunks. Also checks that the kernel, which goes by the chunk size in
/// the inode and by block addresses, sees the same bytes as Nydus, which goes by the image's chunk size and chunk numbers.
/// </summary>
internal sealed class FileChunkReader
{
    private readonly BootstrapTables _tables;
    private readonly List<RafsBlob> _blobs;
    private readonly List<ChunkInfo[]> _listed;
    private readonly TarChunks? _tar;

    public FileChunkReader(BootstrapTables tables, List<RafsBlob> blobs)
    {
        _tables = tables;
        _blobs = blobs;
        _listed = tables.IsTarfs ? [] : ChunkTableReader.Read(tables, blobs);
        _tar = tables.IsTarfs ? new TarChunks(tables.Image, blobs) : null;
    }

    /// <summary>Per blob, by chunk number. To be called once, when all files have been read.</summary>
    public IReadOnlyList<ChunkInfo[]> Finish() => _tar?.Finish() ?? _listed;

    public IReadOnlyList<ChunkReference> Read(in ErofsNode node)
    {
        if (node.Size == 0) return [];
        if (node.Layout != ErofsDataLayout.ChunkBased) throw Invalid(node, "file content inside of the bootstrap");
        uint format = node.Fields.Union;
        if ((format & ~ErofsLayout.ChunkFormatBits) != ErofsLayout.ChunkFormatIndexes) throw Invalid(node, $"unknown chunk format 0x{format:x}");
        long kernelChunkSize = (long)_tables.Image.BlockSize << (int)(format & ErofsLayout.ChunkFormatBits);
        if (kernelChunkSize < _tables.ChunkSize) throw Invalid(node, "chunks smaller than the image's");

        long count = ((node.Size - 1) / _tables.ChunkSize) + 1;
        long start = ErofsLayout.AlignUp(node.TailOffset, ErofsLayout.ChunkAddressSize);
        ReadOnlySpan<ErofsChunkAddress> addresses = MemoryMarshal.Cast<byte, ErofsChunkAddress>(
            _tables.Image.Claim(start, count * ErofsLayout.ChunkAddressSize, "chunk addresses"));
        var chunks = new ChunkReference[addresses.Length];
        for (int i = 0; i < chunks.Length; i++)
        {
            long length = Math.Min(_tables.ChunkSize, node.Size - ((long)i * _tables.ChunkSize));
            CheckKernelView(node, addresses, i, kernelChunkSize / _tables.ChunkSize);
            chunks[i] = Resolve(node, addresses[i], length);
        }

        _tar?.Renumber(chunks);
        return chunks;
    }

    /// <summary>Where the kernel's chunks span several of ours, it derives the later addresses from the first.</summary>
    private void CheckKernelView(in ErofsNode node, ReadOnlySpan<ErofsChunkAddress> addresses, int index, long perKernelChunk)
    {
        int within = (int)(index % perKernelChunk);
        ErofsChunkAddress head = addresses[index - within], own = addresses[index];
        long expected = head.Block + ((long)within * (_tables.ChunkSize / _tables.Image.BlockSize));
        if (own.Device != head.Device || own.Block != expected) throw Invalid(node, "chunks that the kernel would read elsewhere");
    }

    private ChunkReference Resolve(in ErofsNode node, ErofsChunkAddress address, long length)
    {
        int blob = address.Device - 1;
        if (blob < 0) throw Invalid(node, "a hole, or a chunk inside of the bootstrap");
        if (blob >= _blobs.Count) throw Invalid(node, "a chunk of a blob that does not exist");
        if (_tar is not null) return _tar.Add(node, blob, address.Block, (int)length);

        ChunkInfo[] chunks = _listed[blob];
        if (address.Number >= chunks.Length || chunks[address.Number].UncompressedSize == 0)
            throw Invalid(node, $"chunk {address.Number} of blob {blob} is not in the chunk table");
        ChunkInfo chunk = chunks[address.Number];
        if (chunk.UncompressedOffset != (long)address.Block * _tables.Image.BlockSize || chunk.UncompressedSize != length)
            throw Invalid(node, $"chunk {address.Number} of blob {blob} does not fit its file");
        return new ChunkReference(blob, address.Number);
    }

    private InvalidFormatException Invalid(in ErofsNode node, string message) => _tables.Image.Invalid(message, node.Offset);
}
