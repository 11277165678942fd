using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Kernel.Fuse;

/// <summary>Writes the records of a READDIR or READDIRPLUS reply until the buffer is full.</summary>
internal ref struct DirectoryListing(Span<byte> buffer, bool withAttributes)
{
    private const ulong DotPosition = 1;
    private const ulong DotDotPosition = 2;

    private readonly Span<byte> _buffer = buffer;
    private int _used;

    /// <summary>Lists what comes behind a position; returns the bytes written, 0 at the end.</summary>
    public int Fill(DiskTable disks, ulong position)
    {
        if (position < DotPosition && !TryAdd(null, "."u8, DotPosition)) return _used;
        if (position < DotDotPosition && !TryAdd(null, ".."u8, DotDotPosition)) return _used;
        int limit = _buffer.Length / RecordSize(1) + 1;
        foreach (DiskNode node in disks.After(position, limit))
        {
            if (!TryAdd(node, node.Name, node.Position)) break;
        }

        return _used;
    }

    private readonly int RecordSize(int nameLength) =>
        (withAttributes ? Unsafe.SizeOf<FuseEntryOut>() : 0) + (Unsafe.SizeOf<FuseDirectoryEntry>() + nameLength + 7) / 8 * 8;

    private bool TryAdd(DiskNode? node, ReadOnlySpan<byte> name, ulong position)
    {
        int size = RecordSize(name.Length);
        if (size > _buffer.Length - _used) return false;
        Span<byte> record = _buffer.Slice(_used, size);
        record.Clear();
        if (withAttributes)
        {
            // Node 0 for "." and "..": nothing to be remembered.
            FuseEntryOut entry = node is null ? default : DiskAttributes.Entry(node);
            MemoryMarshal.Write(record, in entry);
            record = record[Unsafe.SizeOf<FuseEntryOut>()..];
        }

        var head = new FuseDirectoryEntry
        {
            Inode = node?.Number ?? FuseLayout.RootNode,
            NextOffset = position,
            NameLength = (uint)name.Length,
            Type = (node is null ? FuseLayout.ModeDirectory : FuseLayout.ModeRegular) >> 12,
        };
        MemoryMarshal.Write(record, in head);
        name.CopyTo(record[Unsafe.SizeOf<FuseDirectoryEntry>()..]);
        _used += size;
        return true;
    }
}
