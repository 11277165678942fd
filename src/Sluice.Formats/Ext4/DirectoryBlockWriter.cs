using System.Buffers.Binary;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Ext4;

/// <summary>Fills a directory block from its start; the last entry takes what is left.</summary>
internal ref struct DirectoryBlockWriter
{
    private readonly Span<byte> _block;
    private readonly int _usable;
    private int _last;
    private int _end;

    public DirectoryBlockWriter(Span<byte> block, int usable)
    {
        _block = block;
        _usable = usable;
        DirectoryBlock.Clear(block, usable);
    }

    public readonly bool Fits(int nameLength) => _end + DirectoryBlock.EntrySize(nameLength) <= _usable;

    public void Add(uint inode, byte type, ReadOnlySpan<byte> name)
    {
        if (_end > 0) BinaryPrimitives.WriteUInt16LittleEndian(_block[(_last + 4)..], (ushort)(_end - _last));
        DirectoryBlock.WriteEntry(_block[_end..], _usable - _end, inode, type, name);
        _last = _end;
        _end += DirectoryBlock.EntrySize(name.Length);
    }

    /// <summary>Adds <c>.</c> and <c>..</c>, which every directory starts with.</summary>
    public void AddDots(uint self, uint parent)
    {
        byte type = DirectoryEntryType.Of(FileType.Directory);
        Add(self, type, "."u8);
        Add(parent, type, ".."u8);
    }
}
