using System.Buffers;
using System.Buffers.Text;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

public sealed partial class TarWriter
{
    /// <summary>Fills the entry's ustar header, and the PAX records for all that it can't hold, in a fixed order.</summary>
    private void FillHeader(TarEntry entry, long storedSize, Span<byte> block)
    {
        var header = new TarHeaderWriter(block, TypeFlag(entry.Type));
        if (entry.SparseMap is not null)
        {
            // Readers that know no sparse files show this name instead of a file with wrong content.
            header.TrySetPath("GNUSparseFile.0/"u8);
            _pax.Add("GNU.sparse.major"u8, 1);
            _pax.Add("GNU.sparse.minor"u8, 0);
            _pax.Add("GNU.sparse.name"u8, entry.Path.Bytes);
            _pax.Add("GNU.sparse.realsize"u8, entry.Size);
            AddSparseName(block, entry.Path.Bytes);
        }
        else
        {
            SetPath(header, entry);
        }

        if (!header.TrySetLinkName(entry.LinkTarget.Bytes)) _pax.Add("linkpath"u8, entry.LinkTarget.Bytes);
        header.TrySet(TarLayout.Mode, entry.Mode);
        if (!header.TrySet(TarLayout.Size, storedSize)) _pax.Add("size"u8, storedSize);
        if (!header.TrySet(TarLayout.UserId, entry.UserId)) _pax.Add("uid"u8, entry.UserId);
        if (!header.TrySet(TarLayout.GroupId, entry.GroupId)) _pax.Add("gid"u8, entry.GroupId);
        FileTime time = entry.ModificationTime;
        bool wholeSeconds = header.TrySet(TarLayout.ModificationTime, time.Seconds) && time.Nanoseconds == 0;
        if (!wholeSeconds) _pax.Add("mtime"u8, time);
        if (entry.AccessTime is { } accessTime) _pax.Add("atime"u8, accessTime);
        if (entry.ChangeTime is { } changeTime) _pax.Add("ctime"u8, changeTime);
        if (!header.TrySet(TarLayout.DeviceMajor, entry.Device.Major)) _pax.Add("SCHILY.devmajor"u8, entry.Device.Major);
        if (!header.TrySet(TarLayout.DeviceMinor, entry.Device.Minor)) _pax.Add("SCHILY.devminor"u8, entry.Device.Minor);
        foreach (ExtendedAttribute attribute in entry.ExtendedAttributes) _pax.Add(attribute);
        header.Finish();
    }

    private void SetPath(TarHeaderWriter header, TarEntry entry)
    {
        ReadOnlySpan<byte> path = entry.Path.Bytes;
        if (entry.Type != TarEntryType.Directory)
        {
            if (!header.TrySetPath(path)) _pax.Add("path"u8, path);
            return;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(path.Length + 2);
        path.CopyTo(buffer);
        int length = path.Length;
        if (length == 0) buffer[length++] = (byte)'.';
        buffer[length++] = (byte)'/';
        if (!header.TrySetPath(buffer.AsSpan(0, length))) _pax.Add("path"u8, buffer.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>The last component of the path, cut, behind the directory name that is in the header already.</summary>
    private static void AddSparseName(Span<byte> block, ReadOnlySpan<byte> path)
    {
        Span<byte> name = TarLayout.Name.Of(block);
        name = name[name.IndexOf((byte)0)..];
        ReadOnlySpan<byte> last = path[(path.LastIndexOf((byte)'/') + 1)..];
        last[..Math.Min(last.Length, name.Length)].CopyTo(name);
    }

    private void WritePaxHeader(ReadOnlySpan<byte> path)
    {
        ReadOnlySpan<byte> records = _pax.Records;
        var header = new TarHeaderWriter(_output.NextBlock(), TarTypeFlag.PaxEntry);
        Span<byte> name = stackalloc byte[TarLayout.Name.Length];
        ReadOnlySpan<byte> directory = "PaxHeaders.0/"u8;
        ReadOnlySpan<byte> last = path.IsEmpty ? "."u8 : path[(path.LastIndexOf((byte)'/') + 1)..];
        last = last[..Math.Min(last.Length, name.Length - directory.Length)];
        directory.CopyTo(name);
        last.CopyTo(name[directory.Length..]);
        header.TrySetPath(name[..(directory.Length + last.Length)]);
        header.TrySet(TarLayout.Mode, 0x1A4 /* 0644 */);
        header.TrySet(TarLayout.UserId, 0);
        header.TrySet(TarLayout.GroupId, 0);
        header.TrySet(TarLayout.Size, records.Length);
        header.TrySet(TarLayout.ModificationTime, 0);
        header.TrySet(TarLayout.DeviceMajor, 0);
        header.TrySet(TarLayout.DeviceMinor, 0);
        header.Finish();
        _output.Write(records);
        _output.WriteZeros(TarLayout.Padding(records.Length));
    }

    /// <summary>
    /// Sparse format 1.0: see the reader. Padded to whole blocks. GNU tar makes a file no longer than its last run, so a hole
    /// at the end is followed by an empty one.
    /// </summary>
    private static byte[] FormatSparseMap(IReadOnlyList<SparseRun> runs, long size)
    {
        var map = new ArrayBufferWriter<byte>(TarLayout.BlockSize);
        bool endsInHole = runs.Count == 0 || runs[^1].Offset + runs[^1].Length < size;
        AddLine(map, runs.Count + (endsInHole ? 1 : 0));
        foreach (SparseRun run in runs)
        {
            AddLine(map, run.Offset);
            AddLine(map, run.Length);
        }

        if (endsInHole)
        {
            AddLine(map, size);
            AddLine(map, 0);
        }

        byte[] padded = new byte[map.WrittenCount + TarLayout.Padding(map.WrittenCount)];
        map.WrittenSpan.CopyTo(padded);
        return padded;
    }

    private static void AddLine(ArrayBufferWriter<byte> map, long number)
    {
        Utf8Formatter.TryFormat(number, map.GetSpan(20), out int length);
        map.Advance(length);
        map.Write("\n"u8);
    }

    private static byte TypeFlag(TarEntryType type) => type switch
    {
        TarEntryType.Regular => TarTypeFlag.Regular,
        TarEntryType.HardLink => TarTypeFlag.HardLink,
        TarEntryType.SymbolicLink => TarTypeFlag.SymbolicLink,
        TarEntryType.CharacterDevice => TarTypeFlag.CharacterDevice,
        TarEntryType.BlockDevice => TarTypeFlag.BlockDevice,
        TarEntryType.Directory => TarTypeFlag.Directory,
        TarEntryType.Fifo => TarTypeFlag.Fifo,
        _ => throw new ArgumentException($"unknown entry type {type}", nameof(type)),
    };
}
