namespace Sluice.Formats.Ext4;

/// <summary>
/// The device under an ext4 file system, in blocks of 4 KiB: the merged lower layers with what this layer has written on top.
/// What was never written reads as zeros.
/// </summary>
/// <remarks>
/// One file system uses it from one thread. Exceptions pass through to the caller of the file system, which can't be used
/// afterwards. All buffers are whole blocks, and the store keeps none of them.
/// </remarks>
public interface IBlockStore
{
    /// <summary>Size of the device in blocks.</summary>
    long BlockCount { get; }

    /// <summary>Fills the buffer with the blocks from <paramref name="block"/> on, as they were last written.</summary>
    void Read(long block, Span<byte> buffer);

    /// <summary>Content of files, once, in rising order mostly; the store need not compare it with what lies below.</summary>
    void WriteData(long block, ReadOnlySpan<byte> bytes);

    /// <summary>
    /// Metadata, at a flush, in rising order. Most of a block usually equals what lies below: a store that keeps layers small
    /// drops the sectors that do.
    /// </summary>
    void WriteMetadata(long block, ReadOnlySpan<byte> bytes);

    /// <summary>Nothing uses these blocks any more; what they read as no longer matters. May come before a later write to them.</summary>
    void Discard(long block, long count);
}
