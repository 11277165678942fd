using Sluice.Formats.Ext4;

namespace Sluice.Testing.Ext4;

/// <summary>
/// A device in a sparse file, which tools can look at. Writes rubbish over blocks that are discarded, so that using them shows,
/// and counts what it is asked.
/// </summary>
internal sealed class FileBlockStore : IBlockStore, IDisposable
{
    private const int Block = 4096;

    private readonly Microsoft.Win32.SafeHandles.SafeFileHandle _file;

    /// <param name="size">Null: as long as the file is.</param>
    public FileBlockStore(string path, long? size = null)
    {
        Path = path;
        _file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
        if (size is { } length) RandomAccess.SetLength(_file, length);
        BlockCount = RandomAccess.GetLength(_file) / Block;
    }

    public string Path { get; }

    public long BlockCount { get; }

    public bool PoisonsDiscarded { get; init; } = true;

    public long BlocksRead { get; private set; }

    public long DataBlocksWritten { get; private set; }

    public long MetadataBlocksWritten { get; private set; }

    public void Read(long block, Span<byte> buffer)
    {
        Assert(block, buffer.Length);
        BlocksRead += buffer.Length / Block;
        int read = RandomAccess.Read(_file, buffer, block * Block);
        if (read != buffer.Length) throw new EndOfStreamException();
    }

    public void WriteData(long block, ReadOnlySpan<byte> bytes)
    {
        Assert(block, bytes.Length);
        DataBlocksWritten += bytes.Length / Block;
        RandomAccess.Write(_file, bytes, block * Block);
    }

    public void WriteMetadata(long block, ReadOnlySpan<byte> bytes)
    {
        Assert(block, bytes.Length);
        MetadataBlocksWritten += bytes.Length / Block;
        RandomAccess.Write(_file, bytes, block * Block);
    }

    public void Discard(long block, long count)
    {
        Assert(block, count * Block);
        if (!PoisonsDiscarded) return;
        byte[] rubbish = new byte[Math.Min(count, 64) * Block];
        rubbish.AsSpan().Fill(0xA5);
        RandomAccess.Write(_file, rubbish, block * Block);
    }

    public void Dispose() => _file.Dispose();

    private void Assert(long block, long length)
    {
        if (block < 0 || length <= 0 || length % Block != 0 || block + (length / Block) > BlockCount) throw new InvalidOperationException($"{length} bytes at block {block} of {BlockCount}");
    }
}
