using Sluice.Formats;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>The headers of an upper's two files.</summary>
internal static class UpperHeaders
{
    public static LsmtHeader Read(IUpperFile file)
    {
        byte[] bytes = new byte[LsmtHeader.Size];
        if (Length(file) < LsmtHeader.Size) throw new InvalidFormatException("lsmt", "the file of a writable layer is shorter than its header");
        Check(file.Read(0, bytes), "the header can't be read");
        return LsmtHeader.Read(bytes);
    }

    /// <exception cref="InvalidFormatException">Not the data file of a writable layer of this kind.</exception>
    public static LsmtHeader ReadData(IUpperFile data, bool sparse)
    {
        LsmtHeader header = Read(data);
        LsmtFlags expected = LsmtHeader.ForData(0, "", "", sparse).Flags;
        if (header.Flags != expected) throw new InvalidFormatException("lsmt", $"this is not the data of {(sparse ? "a sparse" : "an append-only")} writable layer (flags 0x{(uint)header.Flags:x})");
        return header;
    }

    /// <exception cref="InvalidFormatException">Not a log, or that of another layer.</exception>
    public static LsmtHeader ReadLog(IUpperFile log, LsmtHeader data)
    {
        LsmtHeader header = Read(log);
        if (header.Flags != LsmtFlags.Header) throw new InvalidFormatException("lsmt", $"this is not the log of a writable layer (flags 0x{(uint)header.Flags:x})");
        if (!string.Equals(header.Uuid, data.Uuid, StringComparison.OrdinalIgnoreCase)) throw new InvalidFormatException("lsmt", $"the log is of layer {header.Uuid}, the data of {data.Uuid}");
        return header;
    }

    public static void Write(IUpperFile file, LsmtHeader header)
    {
        byte[] bytes = new byte[LsmtHeader.Size];
        header.Write(bytes);
        Check(file.Write(0, bytes), "the header can't be written");
    }

    /// <summary>Writes the header of a data file's log, durably.</summary>
    /// <param name="tag">Who has it open, or how it was closed.</param>
    public static void WriteLog(IUpperFile log, LsmtHeader data, string tag)
    {
        Write(log, LsmtHeader.ForLog(data) with { UserTag = tag });
        Check(log.Sync(), "the log can't be synced");
    }

    public static SluiceException Sealed(LsmtHeader header) => new(SluiceError.Usage, $"upper {header.Uuid}", "it was sealed", "open it as a layer");

    public static long Length(IUpperFile file)
    {
        Check(file.GetLength(out long length), "its length can't be had");
        return length;
    }

    public static void Check(UpperError error, string message)
    {
        if (error != UpperError.None) throw new SluiceException(SluiceError.Disk, "upper", $"{message} ({error})");
    }
}
