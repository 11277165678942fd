using System.Text;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Storage.Images;

/// <summary>
/// A <see cref="BlockStack"/> as bytes: what the node keeps of a block image. This program's own; no other tool reads it. Little-endian.
/// <code>
///  0  8  magic "SluiceBS"
///  8  4  version, 1
/// 12  4  layers, the lowest first; of each:
///        1  bytes of the digest, then its text
///        8  bytes of the blob    4  offset of the payload    8  bytes of the LSMT file
///        4  blocks n, or -1 without ZFile; if there is one:
///           512  its trailer    4n  its jump table
///  .     the merged index (<see cref="MergedIndexFile"/>), to the end
/// </code>
/// Jump tables and merged index have checksums of their own; who keeps the file has one of the whole.
/// </summary>
public static class BlockStackFile
{
    public const int Version = 1;

    private const string Format = "block image metadata";
    private const int NoZFile = -1;

    private static ReadOnlySpan<byte> Magic => "SluiceBS"u8;

    /// <summary>True if <paramref name="bytes"/> begin like such a file.</summary>
    public static bool IsMatch(ReadOnlySpan<byte> bytes) => bytes.StartsWith(Magic);

    public static byte[] Write(BlockStack stack)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream, Encoding.ASCII);
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write(stack.Layers.Count);
        foreach (BlockStackLayer layer in stack.Layers)
        {
            writer.Write(layer.Blob.ToString());
            writer.Write(layer.Size);
            writer.Write(layer.PayloadOffset);
            writer.Write(layer.Length);
            writer.Write(layer.ZFile?.BlockCount ?? NoZFile);
            if (layer.ZFile is not null) Write(writer, layer.ZFile);
        }

        writer.Write(stack.Index.Span);
        writer.Flush();
        return stream.ToArray();
    }

    /// <exception cref="InvalidFormatException">Cut off, damaged or of another version.</exception>
    public static BlockStack Read(ReadOnlyMemory<byte> file)
    {
        if (!IsMatch(file.Span)) throw new InvalidFormatException(Format, "no header", 0);
        using MemoryStream stream = new(file.ToArray(), Magic.Length, file.Length - Magic.Length, writable: false);
        using BinaryReader reader = new(stream, Encoding.ASCII);
        try
        {
            int version = reader.ReadInt32();
            if (version != Version) throw new InvalidFormatException(Format, $"version {version}", 8);
            int count = reader.ReadInt32();
            if (count is < 1 or > MergedIndex.MaxLayers) throw new InvalidFormatException(Format, $"{count} layers", 12);
            List<BlockStackLayer> layers = [];
            for (int layer = 0; layer < count; layer++) layers.Add(ReadLayer(reader));
            return new BlockStack(layers, file[(Magic.Length + (int)stream.Position)..]);
        }
        catch (Exception exception) when (exception is EndOfStreamException or FormatException)
        {
            throw new InvalidFormatException(Format, "it is cut off", file.Length, exception);
        }
    }

    private static void Write(BinaryWriter writer, ZFileIndex zfile)
    {
        Span<byte> header = stackalloc byte[ZFileHeader.Size];
        zfile.Header.Write(header);
        writer.Write(header);
        for (int block = 0; block < zfile.BlockCount; block++) writer.Write(zfile.GetBlock(block).StoredLength);
    }

    private static BlockStackLayer ReadLayer(BinaryReader reader)
    {
        Digest blob = Digest.Parse(reader.ReadString());
        long size = reader.ReadInt64();
        int payload = reader.ReadInt32();
        long length = reader.ReadInt64();
        int blocks = reader.ReadInt32();
        ZFileIndex? zfile = blocks == NoZFile ? null : ReadZFile(reader, blocks);
        if (zfile is null ? length < 0 || payload < 0 || length > size - payload : zfile.ContentLength != length)
            throw new InvalidFormatException(Format, $"layer {blob} has another length than its table says");
        return new BlockStackLayer(blob, size, payload, length, zfile);
    }

    private static ZFileIndex ReadZFile(BinaryReader reader, int blocks)
    {
        ZFileHeader header = ZFileHeader.Read(reader.ReadBytes(ZFileHeader.Size));
        long left = reader.BaseStream.Length - reader.BaseStream.Position;
        if (!header.HasIndex || header.BlockCount != blocks || header.IndexLength > left) throw new InvalidFormatException(Format, $"a jump table of {blocks} blocks in {left} bytes");
        return ZFileIndex.Read(header, reader.ReadBytes((int)header.IndexLength));
    }
}
