using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Build.OverlayBd;

/// <summary>Reads content of a ZFile that lies in a temporary file.</summary>
internal sealed class ScratchZFile : IDisposable
{
    private readonly ScratchFile _file;
    private readonly ZFileIndex _index;
    private byte[] _stored = [];
    private readonly byte[] _scratch;

    /// <param name="file">Not disposed.</param>
    public ScratchZFile(ScratchFile file, ZFileHeader trailer)
    {
        _file = file;
        byte[] table = new byte[trailer.IndexLength];
        file.ReadAt(trailer.IndexOffset, table);
        _index = ZFileIndex.Read(trailer, table);
        _scratch = new byte[trailer.BlockSize];
    }

    public long Length => _index.ContentLength;

    public void Read(long position, Span<byte> content)
    {
        if (content.IsEmpty) return;
        long from = _index.GetBlock(_index.GetBlockNumber(position)).StoredOffset;
        var length = (int)(_index.GetBlock(_index.GetBlockNumber(position + content.Length - 1)).StoredEnd - from);
        if (_stored.Length < length) _stored = GC.AllocateUninitializedArray<byte>(length);
        _file.ReadAt(from, _stored.AsSpan(0, length));
        _index.Decode(_stored.AsSpan(0, length), from, position, content, _scratch);
    }

    public void Dispose() => _index.Dispose();
}
