using Sluice.Formats.Hashing;
using static System.Buffers.Binary.BinaryPrimitives;

namespace Sluice.Formats.OverlayBd;

/// <summary>A prefetch trace as overlaybd records and replays it, little-endian.</summary>
/// <remarks>
/// <code>
/// header  0  4  0xC2EF1820         8  8  bytes of records     16  4  raw CRC-32C of the records
/// record  0  1  'R' or 'W'         4  4  layer                 8  8  length             16  8  offset
/// </code>
/// 24 bytes each. What is between the fields is covered by the checksum and may hold rubbish.
/// </remarks>
public static class TraceFile
{
    /// <summary>Bytes of the header, and of a record.</summary>
    public const int RecordSize = 24;

    /// <summary>Records of a file that we read: a million, against some thousands in real ones.</summary>
    public const int MaxRecords = 1 << 20;

    private const uint Magic = 0xC2EF1820;
    private const string Format = "overlaybd trace";

    /// <summary>False if it is something else: overlaybd then takes the file as a list of paths.</summary>
    public static bool IsMatch(ReadOnlySpan<byte> file) => file.Length >= sizeof(uint) && ReadUInt32LittleEndian(file) == Magic;

    /// <exception cref="InvalidFormatException">Not a trace, cut off or damaged.</exception>
    public static TraceRecord[] Read(ReadOnlySpan<byte> file)
    {
        if (file.Length < RecordSize || !IsMatch(file)) throw Error("this is not a trace");
        ReadOnlySpan<byte> body = file[RecordSize..];
        ulong length = ReadUInt64LittleEndian(file[8..]);
        if (length != (ulong)body.Length || body.Length % RecordSize != 0) throw Error($"{length} bytes of records were announced, {body.Length} are there");
        if (body.Length / RecordSize > MaxRecords) throw Error($"{body.Length / RecordSize} records");
        if (Crc32C.Raw(body) != ReadUInt32LittleEndian(file[16..])) throw Error("its checksum is wrong");
        var records = new TraceRecord[body.Length / RecordSize];
        for (int i = 0; i < records.Length; i++) records[i] = ReadRecord(body.Slice(i * RecordSize, RecordSize), (i + 1) * RecordSize);
        return records;
    }

    public static byte[] Write(ReadOnlySpan<TraceRecord> records)
    {
        byte[] file = new byte[(records.Length + 1) * RecordSize];
        for (int i = 0; i < records.Length; i++)
        {
            Span<byte> bytes = file.AsSpan((i + 1) * RecordSize, RecordSize);
            bytes[0] = (byte)records[i].Operation;
            WriteInt32LittleEndian(bytes[4..], records[i].Layer);
            WriteInt64LittleEndian(bytes[8..], records[i].Length);
            WriteInt64LittleEndian(bytes[16..], records[i].Offset);
        }

        WriteUInt32LittleEndian(file, Magic);
        WriteInt64LittleEndian(file.AsSpan(8), file.Length - RecordSize);
        WriteUInt32LittleEndian(file.AsSpan(16), Crc32C.Raw(file.AsSpan(RecordSize)));
        return file;
    }

    private static TraceRecord ReadRecord(ReadOnlySpan<byte> bytes, int at)
    {
        var operation = (char)bytes[0];
        int layer = ReadInt32LittleEndian(bytes[4..]);
        long length = ReadInt64LittleEndian(bytes[8..]);
        long offset = ReadInt64LittleEndian(bytes[16..]);
        if (operation is not ('R' or 'W')) throw Error($"operation {bytes[0]}", at);
        if (layer is < 0 or > byte.MaxValue || length < 0 || offset < 0 || offset > long.MaxValue - length) throw Error($"{(ulong)length} bytes at {(ulong)offset} of layer {(uint)layer}", at);
        return new TraceRecord(operation, layer, offset, length);
    }

    private static InvalidFormatException Error(string message, long offset = -1) => new(Format, message, offset);
}
