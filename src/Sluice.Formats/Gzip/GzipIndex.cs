using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using static System.Buffers.Binary.BinaryPrimitives;

namespace Sluice.Formats.Gzip;

/// <summary>OverlayBD's index for random access to a gzip file (<c>gzip.meta</c> of TurboOCI layers), little-endian.</summary>
/// <remarks>
/// <code>
/// 0    8  "ddgzidx" 0                 25   8  number of checkpoints
/// 8    1  major version 1             33   8  bytes of the gzip file
/// 9    1  minor version 0             41   8  bytes of this file
/// 10   1  tables: 0 plain, 1 zlib     49   8  bytes of the uncompressed content
/// 11   1  level 6                     57 256  reserved
/// 12   1  flags                      313   8  offset of the table of checkpoints
/// 13   4  distance of checkpoints    321   8  its bytes in this file
/// 17   4  window: 32768              329   4  raw CRC-32C of the 329 bytes before
/// 21   4  bytes of a checkpoint: 29  333      windows, then the table
/// </code>
/// A checkpoint is: i64 position, i64 compressed position, i64 offset of its window in this file, u8 bits, u32 stored bytes of the
/// window. Facts: overlaybd, <c>src/overlaybd/gzindex</c>.
/// </remarks>
public sealed record GzipIndex
{
    internal const int HeaderSize = 333;
    internal const int EntrySize = 29;

    private const string Format = "gzip index";
    private const int ChecksumOffset = HeaderSize - sizeof(uint);

    /// <summary>Checkpoints of an index that we read: one per MiB for 1 TiB.</summary>
    private const int MaxCheckpoints = 1 << 20;

    /// <summary>Bytes of output between checkpoints, at least.</summary>
    public int Distance { get; init; } = 1 << 20;

    /// <summary>Bytes of the gzip file; the index belongs to no file of another length.</summary>
    public required long CompressedLength { get; init; }

    /// <summary>Bytes of the content.</summary>
    public required long Length { get; init; }

    /// <summary>Table and windows are in zlib format.</summary>
    public bool IsCompressed { get; init; } = true;

    /// <summary>In order.</summary>
    public required GzipCheckpoint[] Checkpoints { get; init; }

    private static ReadOnlySpan<byte> Magic => "ddgzidx\0"u8;

    public static bool IsMatch(ReadOnlySpan<byte> file) => file.StartsWith(Magic);

    /// <summary>The last checkpoint at or before a position of the content: decoding for it starts there.</summary>
    /// <returns>Its number, or -1 if there is none: at the beginning of the file, then.</returns>
    public int Find(long position)
    {
        int low = 0, high = Checkpoints.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (Checkpoints[middle].Position <= position) low = middle + 1;
            else high = middle;
        }

        return low - 1;
    }

    /// <summary>Unpacks the window of a checkpoint: the output before it.</summary>
    /// <param name="window">Room for 32 KiB.</param>
    /// <returns>Bytes of the window.</returns>
    /// <exception cref="InvalidFormatException">It is damaged.</exception>
    public int ReadWindow(GzipCheckpoint checkpoint, Span<byte> window)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ReadOnlySpan<byte> stored = checkpoint.StoredWindow.Span;
        if (IsCompressed && !stored.IsEmpty) return ZlibCodec.Decompress(stored, window[..RawInflater.WindowSize]);
        if (stored.Length > RawInflater.WindowSize) throw Error($"a window of {stored.Length} bytes");
        stored.CopyTo(window);
        return stored.Length;
    }

    /// <summary>Reads an index. Windows stay packed in <paramref name="memory"/>, which must not change: together they may be huge.</summary>
    /// <exception cref="InvalidFormatException">Not an index, cut off, damaged or contradictory.</exception>
    public static GzipIndex Read(ReadOnlyMemory<byte> memory)
    {
        ReadOnlySpan<byte> file = memory.Span;
        if (file.Length < HeaderSize || !IsMatch(file)) throw Error("this is not a gzip index");
        if (Crc32C.Raw(file[..ChecksumOffset]) != ReadUInt32LittleEndian(file[ChecksumOffset..])) throw Error("the checksum of its header is wrong");
        if (file[8] != 1) throw Error($"version {file[8]}.{file[9]}");
        if (file[10] > 1) throw Error($"its tables are compressed with the unknown algorithm {file[10]}");
        bool compressed = file[10] == 1;
        int window = ReadInt32LittleEndian(file[17..]);
        int entrySize = ReadInt32LittleEndian(file[21..]);
        long count = ReadInt64LittleEndian(file[25..]);
        if (window != RawInflater.WindowSize || entrySize != EntrySize) throw Error($"windows of {window} and checkpoints of {entrySize} bytes");
        if (count is < 0 or > MaxCheckpoints) throw Error($"{count} checkpoints");
        if (ReadInt64LittleEndian(file[41..]) != file.Length) throw Error($"it has {file.Length} bytes instead of {ReadInt64LittleEndian(file[41..])}");
        byte[] table = UnpackTable(Slice(memory, ReadInt64LittleEndian(file[313..]), ReadInt64LittleEndian(file[321..])).Span, compressed, (int)count * EntrySize);
        var index = new GzipIndex
        {
            IsCompressed = compressed,
            Distance = ReadInt32LittleEndian(file[13..]),
            CompressedLength = ReadInt64LittleEndian(file[33..]),
            Length = ReadInt64LittleEndian(file[49..]),
            Checkpoints = new GzipCheckpoint[(int)count],
        };
        if (index.Distance < 0 || index.CompressedLength < 0 || index.Length < 0) throw Error("negative sizes");
        for (int i = 0; i < count; i++) index.Checkpoints[i] = ReadCheckpoint(table.AsSpan(i * EntrySize, EntrySize), memory);
        index.CheckOrder();
        return index;
    }

    /// <summary>Writes the index in overlaybd's form.</summary>
    public byte[] Write()
    {
        CheckOrder();
        using var file = new MemoryStream();
        Span<byte> header = stackalloc byte[HeaderSize];
        header.Clear();
        file.Write(header);
        byte[] table = new byte[Checkpoints.Length * EntrySize];
        for (int i = 0; i < Checkpoints.Length; i++)
        {
            GzipCheckpoint checkpoint = Checkpoints[i];
            Span<byte> entry = table.AsSpan(i * EntrySize, EntrySize);
            WriteInt64LittleEndian(entry, checkpoint.Position);
            WriteInt64LittleEndian(entry[8..], checkpoint.CompressedPosition);
            WriteInt64LittleEndian(entry[16..], file.Position);
            entry[24] = (byte)checkpoint.Bits;
            WriteInt32LittleEndian(entry[25..], checkpoint.StoredWindow.Length);
            file.Write(checkpoint.StoredWindow.Span);
        }

        long tableStart = file.Position;
        file.Write(IsCompressed ? ZlibCodec.Compress(table) : table);
        WriteHeader(header, tableStart, file.Length);
        file.Position = 0;
        file.Write(header);
        return file.ToArray();
    }

    private void WriteHeader(Span<byte> header, long tableStart, long fileLength)
    {
        Magic.CopyTo(header);
        header[8] = 1;
        header[10] = IsCompressed ? (byte)1 : (byte)0;
        header[11] = IsCompressed ? (byte)6 : (byte)0;
        WriteInt32LittleEndian(header[13..], Distance);
        WriteInt32LittleEndian(header[17..], RawInflater.WindowSize);
        WriteInt32LittleEndian(header[21..], EntrySize);
        WriteInt64LittleEndian(header[25..], Checkpoints.Length);
        WriteInt64LittleEndian(header[33..], CompressedLength);
        WriteInt64LittleEndian(header[41..], fileLength);
        WriteInt64LittleEndian(header[49..], Length);
        WriteInt64LittleEndian(header[313..], tableStart);
        WriteInt64LittleEndian(header[321..], fileLength - tableStart);
        WriteUInt32LittleEndian(header[ChecksumOffset..], Crc32C.Raw(header[..ChecksumOffset]));
    }

    private static GzipCheckpoint ReadCheckpoint(ReadOnlySpan<byte> entry, ReadOnlyMemory<byte> file)
    {
        uint length = ReadUInt32LittleEndian(entry[25..]);
        ReadOnlyMemory<byte> window = length == 0 ? default : Slice(file, ReadInt64LittleEndian(entry[16..]), length);
        return new GzipCheckpoint(ReadInt64LittleEndian(entry), ReadInt64LittleEndian(entry[8..]), entry[24], window);
    }

    private void CheckOrder()
    {
        long position = 0, compressed = 0;
        foreach (GzipCheckpoint checkpoint in Checkpoints)
        {
            if (checkpoint.Position < position || checkpoint.Position > Length || checkpoint.CompressedPosition < compressed
                || checkpoint.CompressedPosition > CompressedLength || checkpoint.Bits is < 0 or > 7)
            {
                throw Error($"an impossible checkpoint at {checkpoint.Position}, compressed {checkpoint.CompressedPosition}, {checkpoint.Bits} bits");
            }

            (position, compressed) = (checkpoint.Position, checkpoint.CompressedPosition);
        }
    }

    private static byte[] UnpackTable(ReadOnlySpan<byte> stored, bool compressed, int length)
    {
        if (!compressed) return stored.Length == length ? stored.ToArray() : throw Error($"a table of {stored.Length} bytes instead of {length}");

        // Room only if the stored bytes can make that much: deflate gains a factor of 1032 at most.
        if (length > stored.Length * 1032L) throw Error($"a table of {stored.Length} compressed bytes can't hold {length}");
        byte[] table = new byte[length];
        int unpacked = ZlibCodec.Decompress(stored, table);
        return unpacked == length ? table : throw Error($"a table of {unpacked} bytes instead of {length}");
    }

    private static ReadOnlyMemory<byte> Slice(ReadOnlyMemory<byte> file, long offset, long length)
    {
        if (offset < HeaderSize || length < 0 || offset > file.Length || length > file.Length - offset) throw Error($"{length} bytes at {offset} of a file of {file.Length}");
        return file.Slice((int)offset, (int)length);
    }

    private static InvalidFormatException Error(string message) => new(Format, message);
}
