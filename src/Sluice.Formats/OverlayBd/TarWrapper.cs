using System.Text;
using Sluice.Formats.Tar;

namespace Sluice.Formats.OverlayBd;

/// <summary>
/// The tar around a block layer, as registries hold it: one file <c>overlaybd.commit</c>. Two shapes exist, and this
/// type knows both: behind a PAX header (written by overlaybd-commit), and behind a plain header (written by containerd's loaders).
/// </summary>
/// <remarks>
/// <code>
/// 0      ustar header "overlaybd.pax", type x            0      ustar header "overlaybd.commit", type 0, size
/// 512    "LENGTH size=PAYLOAD\n", zeros                  512    payload
/// 1024   ustar header "overlaybd.commit", type 0, size 0
/// 1536   payload
/// then   zeros to a multiple of 512, two blocks of zeros
/// </code>
/// The PAX shape's numbers are octal digits justified to the right with blanks, a blank behind them; files with another text
/// would be read just as well, but get another digest than those of overlaybd-commit.
/// </remarks>
/// <param name="PayloadOffset">512 or 1536.</param>
/// <param name="PayloadLength">Bytes of the ZFile or LSMT file inside.</param>
public readonly record struct TarWrapper(int PayloadOffset, long PayloadLength)
{
    public const int PaxPayloadOffset = 3 * TarLayout.BlockSize;
    public const int PlainPayloadOffset = TarLayout.BlockSize;

    /// <summary>Bytes of a file's beginning that <see cref="TryRead"/> may look at.</summary>
    public const int MaxHeaderLength = PaxPayloadOffset;

    private const string Format = "overlaybd tar";
    private const int MaxPaxRecord = 64;

    private static readonly TarField UserName = new(265, 32, "uname");
    private static readonly TarField GroupName = new(297, 32, "gname");

    /// <summary>Bytes of the whole tar.</summary>
    public long TotalLength => PayloadOffset + PayloadLength + TarLayout.Padding(PayloadLength) + (2 * TarLayout.BlockSize);

    /// <summary>Reads the beginning of a layer file.</summary>
    /// <param name="head">The first <see cref="MaxHeaderLength"/> bytes, or the whole file.</param>
    /// <param name="fileLength">Bytes of the whole file.</param>
    /// <returns>False if it is not a tar: the layer begins at byte 0.</returns>
    /// <exception cref="InvalidFormatException">A tar, but not of these shapes, or shorter than it says.</exception>
    public static bool TryRead(ReadOnlySpan<byte> head, long fileLength, out TarWrapper wrapper)
    {
        wrapper = default;
        if (head.Length < TarLayout.BlockSize) return false;
        ReadOnlySpan<byte> first = head[..TarLayout.BlockSize];
        if (!TarLayout.Magic.Of(first).SequenceEqual(TarLayout.PosixMagicAndVersion) || !TarChecksum.Matches(first)) return false;
        if (!TarNumber.TryParse(TarLayout.Size.Of(first), out long size)) throw Error("the size of the first entry is no number");
        int offset = PlainPayloadOffset;
        if (first[TarLayout.Type] == 'x')
        {
            offset = PaxPayloadOffset;
            if (head.Length < offset) throw Error("it ends within its headers");
            size = ReadPaxSize(head.Slice(TarLayout.BlockSize, TarLayout.BlockSize), size);
        }

        if (size < 0 || size > fileLength - offset) throw Error($"a layer of {size} bytes in a file of {fileLength}");
        wrapper = new TarWrapper(offset, size);
        return true;
    }

    /// <summary>Writes the headers of the shape that <see cref="PayloadOffset"/> stands for.</summary>
    /// <param name="destination">At least <see cref="PayloadOffset"/> bytes.</param>
    public void WriteHeader(Span<byte> destination)
    {
        Span<byte> header = destination[..PayloadOffset];
        header.Clear();
        if (PayloadOffset == PlainPayloadOffset) WritePlain(header);
        else WritePax(header);
    }

    /// <summary>How many zeros follow the payload.</summary>
    public int TrailerLength => TarLayout.Padding(PayloadLength) + (2 * TarLayout.BlockSize);

    private static long ReadPaxSize(ReadOnlySpan<byte> body, long length)
    {
        if (length is < 0 or > TarLayout.BlockSize) throw Error($"a PAX header of {length} bytes");
        long size = -1;
        for (body = body[..(int)length]; !body.IsEmpty;)
        {
            int blank = body.IndexOf((byte)' ');
            if (blank < 0 || !TryParse(body[..blank], out long recordLength) || recordLength <= blank + 1 || recordLength > body.Length || body[(int)recordLength - 1] != '\n')
            {
                throw Error("a PAX record is malformed");
            }

            ReadOnlySpan<byte> record = body[(blank + 1)..((int)recordLength - 1)];
            if (record.StartsWith("size="u8) && !TryParse(record[5..], out size)) throw Error("the PAX size is no number");
            body = body[(int)recordLength..];
        }

        return size >= 0 ? size : throw Error("the PAX header has no size");
    }

    private static bool TryParse(ReadOnlySpan<byte> digits, out long value) =>
        long.TryParse(digits, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out value);

    private void WritePlain(Span<byte> block)
    {
        var header = new TarHeaderWriter(block, (byte)'0');
        header.TrySetPath("overlaybd.commit"u8);
        header.TrySet(TarLayout.Mode, Convert.ToInt32("444", 8));
        header.TrySet(TarLayout.UserId, 0);
        header.TrySet(TarLayout.GroupId, 0);
        header.TrySet(TarLayout.ModificationTime, 0);
        if (!header.TrySet(TarLayout.Size, PayloadLength)) throw new SluiceException(SluiceError.Image, Format, "a layer of 8 GiB or more does not fit a plain header", "write the PAX shape");
        header.Finish();
    }

    private void WritePax(Span<byte> header)
    {
        Span<byte> record = stackalloc byte[MaxPaxRecord];
        int length = FormatRecord(record);
        Span<byte> pax = header[..TarLayout.BlockSize];
        "overlaybd.pax"u8.CopyTo(pax);
        WriteNumber(TarLayout.Size.Of(pax), length, 1);
        Finish(pax, 'x');
        record[..length].CopyTo(header[TarLayout.BlockSize..]);

        Span<byte> file = header[(2 * TarLayout.BlockSize)..];
        "overlaybd.commit"u8.CopyTo(file);
        WriteNumber(TarLayout.Mode.Of(file), Convert.ToInt32("100644", 8), 2);
        WriteNumber(TarLayout.UserId.Of(file), 0, 2);
        WriteNumber(TarLayout.GroupId.Of(file), 0, 2);
        WriteNumber(TarLayout.Size.Of(file), 0, 1);
        WriteNumber(TarLayout.ModificationTime.Of(file), 0, 1);
        "root"u8.CopyTo(UserName.Of(file));
        "root"u8.CopyTo(GroupName.Of(file));
        Finish(file, '0');
    }

    private static void Finish(Span<byte> block, char type)
    {
        block[TarLayout.Type] = (byte)type;
        TarLayout.PosixMagicAndVersion.CopyTo(TarLayout.Magic.Of(block));
        WriteNumber(TarLayout.Checksum.Of(block), TarChecksum.Unsigned(block), 2);
    }

    /// <summary>Octal digits to the right, blanks before them, a blank behind them, and where <paramref name="tail"/> is 2 a NUL.</summary>
    private static void WriteNumber(Span<byte> field, long value, int tail)
    {
        field.Fill((byte)' ');
        if (tail == 2) field[^1] = 0;
        int at = field.Length - tail;
        do field[--at] = (byte)('0' + (value & 7));
        while ((value >>= 3) > 0);
    }

    /// <summary>The record counts its own length.</summary>
    private int FormatRecord(Span<byte> record)
    {
        string body = $" size={PayloadLength}\n";
        int length = body.Length + 1;
        while (length != body.Length + length.ToString().Length) length++;
        return Encoding.ASCII.GetBytes($"{length}{body}", record);
    }

    private static InvalidFormatException Error(string message) => new(Format, message);
}
