using System.Text;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

/// <summary>Applies the records of a PAX header to an entry. Unknown keys are ignored, as POSIX wants it.</summary>
internal static class PaxHeader
{
    public static void Apply(ReadOnlySpan<byte> content, long offset, EntryOverrides target)
    {
        var records = new PaxRecords(content, offset);
        while (records.MoveNext()) Apply(records.Key, records.Value, records.Offset, target);
    }

    private static void Apply(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long offset, EntryOverrides target)
    {
        if (key.SequenceEqual("path"u8)) target.SetPath(value, offset);
        else if (key.SequenceEqual("linkpath"u8)) target.SetLinkTarget(value, offset);
        else if (key.SequenceEqual("size"u8)) target.Size = Number(key, value, offset, TarLimits.Size);
        else if (key.SequenceEqual("uid"u8)) target.UserId = Number(key, value, offset, uint.MaxValue);
        else if (key.SequenceEqual("gid"u8)) target.GroupId = Number(key, value, offset, uint.MaxValue);
        else if (key.SequenceEqual("mtime"u8)) target.ModificationTime = Time(key, value, offset);
        else if (key.SequenceEqual("atime"u8)) target.AccessTime = Time(key, value, offset);
        else if (key.SequenceEqual("ctime"u8)) target.ChangeTime = Time(key, value, offset);
        else if (key.SequenceEqual("SCHILY.devmajor"u8) || key.SequenceEqual("SUN.devmajor"u8)) target.DeviceMajor = Number(key, value, offset, uint.MaxValue);
        else if (key.SequenceEqual("SCHILY.devminor"u8) || key.SequenceEqual("SUN.devminor"u8)) target.DeviceMinor = Number(key, value, offset, uint.MaxValue);
        else if (key.SequenceEqual("GNU.sparse.name"u8)) target.SetPath(value, offset);
        else if (key.StartsWith("GNU.sparse."u8)) target.Sparse.Add(key["GNU.sparse.".Length..], value, offset);
        else target.Attributes.TryAdd(key, value, offset);
    }

    /// <summary>Null, which withdraws the override, when the value is empty.</summary>
    private static long? Number(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long offset, long maximum)
    {
        if (value.IsEmpty) return null;
        if (PaxNumber.TryParse(value, out long number) && number <= maximum) return number;
        throw TarError.At(offset, $"PAX record '{Encoding.ASCII.GetString(key)}' is no number or too large");
    }

    private static FileTime? Time(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long offset)
    {
        if (value.IsEmpty) return null;
        return PaxTime.TryParse(value, out FileTime time) ? time : throw TarError.At(offset, $"PAX record '{Encoding.ASCII.GetString(key)}' is no time");
    }
}
