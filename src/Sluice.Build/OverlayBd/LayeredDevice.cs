using Sluice.Formats.Ext4;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Build.OverlayBd;

/// <summary>
/// The device that an image's layers are made on. Between <see cref="Begin"/> and <see cref="End"/> what is written belongs to one
/// layer: content of files goes straight into it, metadata when the layer ends, and of metadata only the sectors that differ from
/// what the layers below hold.
/// </summary>
/// <remarks>
/// Content is never read back: the file system writes it blind. Only single blocks are kept like metadata, as the targets of long
/// symbolic links are written that way. Not thread-safe.
/// </remarks>
/// <param name="size">Bytes of the device.</param>
/// <param name="bottom">What exists already; null for an empty device.</param>
internal sealed class LayeredDevice(long size, ILowerDevice? bottom) : IBlockStore, IDisposable
{
    private const int BlockSize = 4096;
    private const int Sectors = BlockSize / LsmtExtent.SectorSize;

    private readonly KnownBlocks _known = new();
    private readonly BlockSet _lowerContent = new();
    private readonly BlockSet _content = new();
    private readonly Dictionary<long, byte[]> _changed = [];
    private readonly byte[] _lower = new byte[BlockSize];
    private LsmtAppendWriter? _layer;

    public long BlockCount => Size / BlockSize;

    /// <summary>Bytes of the device.</summary>
    public long Size => size;

    /// <summary>Bytes of metadata that were left out of layers because those below hold the same.</summary>
    public long BytesLeftOut { get; private set; }

    public void Begin(LsmtAppendWriter layer) => _layer = layer;

    /// <summary>Writes the layer's metadata, in the order of the device. The layer is then complete but for its index.</summary>
    public void End()
    {
        foreach (long block in _content.Blocks()) _known.Forget(block);
        _lowerContent.UnionWith(_content);
        foreach ((long block, byte[] content) in _changed.OrderBy(change => change.Key))
        {
            if (!_content.Contains(block)) WriteChanges(block, content);
            _known.Write(block, content);
            _lowerContent.Remove(block);
        }

        _content.Clear();
        _changed.Clear();
        _layer = null;
    }

    public void Read(long block, Span<byte> buffer)
    {
        for (; !buffer.IsEmpty; block++, buffer = buffer[BlockSize..])
        {
            Span<byte> target = buffer[..BlockSize];
            if (_changed.TryGetValue(block, out byte[]? changed)) changed.CopyTo(target);
            else if (!TryReadLower(block, target)) throw new InvalidOperationException($"the content of files is not kept (block {block})");
        }
    }

    public void WriteData(long block, ReadOnlySpan<byte> bytes)
    {
        _content.Add(block, bytes.Length / BlockSize);
        for (long changed = block; changed < block + (bytes.Length / BlockSize); changed++) _changed.Remove(changed);
        if (bytes.Length == BlockSize) _changed[block] = bytes.ToArray();
        while (!bytes.IsEmpty)
        {
            int length = Run(bytes, out bool zero);
            if (!zero) _layer!.Write(block * Sectors, bytes[..length]);
            else WriteZeros(block, length / BlockSize);
            block += length / BlockSize;
            bytes = bytes[length..];
        }
    }

    public void WriteMetadata(long block, ReadOnlySpan<byte> bytes)
    {
        for (; !bytes.IsEmpty; block++, bytes = bytes[BlockSize..])
        {
            if (_content.Contains(block)) Forget(block, 1);
            if (_changed.TryGetValue(block, out byte[]? changed)) bytes[..BlockSize].CopyTo(changed);
            else _changed.Add(block, bytes[..BlockSize].ToArray());
        }
    }

    public void Discard(long block, long count) => Forget(block, count);

    public void Dispose() => _known.Dispose();

    private void Forget(long block, long count)
    {
        _layer!.Forget(block * Sectors, count * Sectors);
        for (long end = block + count; block < end; block++)
        {
            _content.Remove(block);
            _changed.Remove(block);
        }
    }

    /// <summary>Blocks of zeros need an entry only where something is to be hidden.</summary>
    private void WriteZeros(long block, int count)
    {
        _layer!.Forget(block * Sectors, count * Sectors);
        for (long end = block + count; block < end; block++)
        {
            if (!_known.Contains(block) && !_lowerContent.Contains(block) && bottom?.Holds(block) != true) continue;
            _layer.WriteZeros(block * Sectors, Sectors);
        }
    }

    private void WriteChanges(long block, ReadOnlySpan<byte> content)
    {
        bool compare = TryReadLower(block, _lower);
        for (int at = 0; at < BlockSize;)
        {
            int end = at;
            while (end < BlockSize && !Same(content, end)) end += LsmtExtent.SectorSize;
            if (end > at)
            {
                _layer!.Write((block * Sectors) + (at / LsmtExtent.SectorSize), content[at..end]);
                at = end;
                continue;
            }

            BytesLeftOut += LsmtExtent.SectorSize;
            at += LsmtExtent.SectorSize;
        }

        bool Same(ReadOnlySpan<byte> all, int offset) =>
            compare && all.Slice(offset, LsmtExtent.SectorSize).SequenceEqual(_lower.AsSpan(offset, LsmtExtent.SectorSize));
    }

    /// <returns>False if the block holds a file's content, which was not kept.</returns>
    private bool TryReadLower(long block, Span<byte> target)
    {
        if (_content.Contains(block)) return false;
        if (_known.TryRead(block, target)) return true;
        if (_lowerContent.Contains(block)) return false;
        if (bottom is null || !bottom.Holds(block)) target.Clear();
        else bottom.Read(block, target);
        return true;
    }

    /// <summary>Bytes that <paramref name="bytes"/> begins with and that are all blocks of zeros, or all others.</summary>
    private static int Run(ReadOnlySpan<byte> bytes, out bool zero)
    {
        zero = IsZero(bytes);
        int length = BlockSize;
        while (length < bytes.Length && IsZero(bytes[length..]) == zero) length += BlockSize;
        return length;
    }

    private static bool IsZero(ReadOnlySpan<byte> bytes) => !bytes[..BlockSize].ContainsAnyExcept((byte)0);
}
