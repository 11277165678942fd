using Sluice.Build.Convert;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Build.OverlayBd;

/// <summary>Some blocks of a ZFile, compressed together: one block alone would be too little work for a hand-over between threads.</summary>
internal sealed class ZFileBatch(ZFileBlockCodec codec) : PipelineJob
{
    /// <summary>Bytes of content: whole blocks of any size.</summary>
    public const int Size = 256 << 10;

    private readonly byte[] _content = GC.AllocateUninitializedArray<byte>(Size);
    private readonly byte[] _stored = GC.AllocateUninitializedArray<byte>(Size / codec.BlockSize * codec.MaxStoredLength);
    private readonly int[] _lengths = new int[Size / codec.BlockSize];

    public int Length { get; set; }

    public Span<byte> Free => _content.AsSpan(Length);

    /// <summary>Appends the blocks to the file. After the work is done.</summary>
    public void AppendTo(ZFileWriter writer)
    {
        int stored = 0;
        for (int at = 0, block = 0; at < Length; at += codec.BlockSize, block++)
        {
            writer.AppendBlock(_content.AsSpan(at, Math.Min(codec.BlockSize, Length - at)), _stored.AsSpan(stored, _lengths[block]));
            stored += _lengths[block];
        }
    }

    protected override void Work()
    {
        int stored = 0;
        for (int at = 0, block = 0; at < Length; at += codec.BlockSize, block++)
        {
            int length = codec.Compress(_content.AsSpan(at, Math.Min(codec.BlockSize, Length - at)), _stored.AsSpan(stored));
            stored += _lengths[block] = Math.Max(length, 0);
        }
    }
}
