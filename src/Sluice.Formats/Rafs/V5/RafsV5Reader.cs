using System.Buffers.Binary;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs.V5;

/// <summary>
/// Reads RAFS v5 bootstraps, the format before EROFS. The kernel can't mount them; Sluice unpacks and converts them. File
/// data is read like that of v6, with <see cref="Blobs.ChunkDecoder"/> over <see cref="RafsImage.Chunks"/>.
/// </summary>
public sealed class RafsV5Reader
{
    private readonly ReadOnlyMemory<byte> _bootstrap;
    private readonly RafsV5Superblock _superblock;
    private readonly RafsV5ChunkTables _chunks;

    /// <summary>By position in the inode table. A second way to an entry would make a loop, or a tree of exponential size.</summary>
    private readonly Inode?[] _inodes;

    private readonly Dictionary<ulong, Inode> _files = [];

    /// <summary>Bytes of all records so far. Records that overlap could make a small bootstrap claim any amount of memory.</summary>
    private long _claimed;

    private RafsV5Reader(ReadOnlyMemory<byte> bootstrap, RafsV5Superblock superblock, RafsV5ChunkTables chunks)
    {
        _bootstrap = bootstrap;
        _superblock = superblock;
        _chunks = chunks;
        _inodes = new Inode?[superblock.InodeTableEntries];
    }

    /// <summary>True if the bytes start like a v5 bootstrap; eight bytes are enough to tell.</summary>
    public static bool IsV5(ReadOnlySpan<byte> bootstrap) =>
        bootstrap.Length >= 8 && BinaryPrimitives.ReadUInt32LittleEndian(bootstrap) == RafsV5Layout.Magic &&
        BinaryPrimitives.ReadUInt32LittleEndian(bootstrap[4..]) == RafsV5Layout.Version;

    /// <summary>Reads a whole bootstrap. Inode digests are not checked: the manifest's digest covers the bootstrap.</summary>
    /// <exception cref="InvalidFormatException">Not a v5 bootstrap, or a corrupt one.</exception>
    public static RafsImage Read(ReadOnlyMemory<byte> bootstrap)
    {
        RafsV5Superblock superblock = RafsV5Superblock.Read(bootstrap.Span);
        RafsBlob[] blobs = RafsV5BlobTable.Read(bootstrap.Span, superblock);
        var chunks = new RafsV5ChunkTables(blobs, superblock.ChunkSize);
        var reader = new RafsV5Reader(bootstrap, superblock, chunks);
        Inode root = reader.ReadTree();
        return new RafsImage
        {
            Version = 5,
            ChunkSize = superblock.ChunkSize,
            Compressor = superblock.Compressor,
            Digester = superblock.Digester,
            Root = root,
            Blobs = blobs,
            Chunks = chunks.ToTables(),
            Prefetch = reader.ReadPrefetchTable(),
        };
    }

    private Inode ReadTree()
    {
        if (_inodes.Length == 0) throw RafsV5Layout.Error("no inodes");
        RafsV5Inode record = RafsV5Inode.Read(_bootstrap.Span, _superblock, 0);
        if (record.Type != FileType.Directory) throw record.Error("is the root but no directory");
        Inode root = ToInode(in record);
        _inodes[0] = root;
        var pending = new Stack<int>([0]);
        while (pending.TryPop(out int directory)) ReadDirectory(directory, pending);
        return root;
    }

    private void ReadDirectory(int index, Stack<int> pending)
    {
        RafsV5Inode record = RafsV5Inode.Read(_bootstrap.Span, _superblock, index);
        if (record.ChildCount == 0) return;
        if (record.FirstChild < 2 || record.FirstChild - 1L + record.ChildCount > _inodes.Length) throw record.Error("has children outside the inode table");
        SortedDictionary<FileName, Inode> entries = _inodes[index]!.Entries!;
        int first = (int)record.FirstChild - 1;
        for (int child = first; child < first + (int)record.ChildCount; child++)
        {
            if (_inodes[child] is not null) throw record.Error($"shares child {child + 1} with another directory");
            RafsV5Inode childRecord = RafsV5Inode.Read(_bootstrap.Span, _superblock, child);
            FileName name = childRecord.Name;
            if (!IsEntryName(name.Bytes)) throw childRecord.Error($"has the name '{name}'");
            Inode inode = ReadInode(in childRecord);
            _inodes[child] = inode;
            if (!entries.TryAdd(name, inode)) throw record.Error($"has two entries '{name}'");
            if (inode.Type == FileType.Directory) pending.Push(child);
        }
    }

    /// <summary>Hard links are whole inode records that carry the same number.</summary>
    private Inode ReadInode(ref readonly RafsV5Inode record)
    {
        if (record.Type == FileType.Directory) return ToInode(in record);
        if (_files.TryGetValue(record.Number, out Inode? known))
        {
            return known.Type == record.Type ? known : throw record.Error("has two types");
        }

        Inode inode = ToInode(in record);
        if (inode.Type == FileType.Regular) inode.Chunks = _chunks.Read(in record);
        _files.Add(record.Number, inode);
        return inode;
    }

    private Inode ToInode(ref readonly RafsV5Inode record)
    {
        _claimed += record.ClaimedSize;
        return _claimed <= _bootstrap.Length ? record.ToInode() : throw record.Error("overlaps others");
    }

    private List<Inode> ReadPrefetchTable()
    {
        var prefetch = new List<Inode>();
        ReadOnlySpan<byte> table = _bootstrap.Span.Slice(_superblock.PrefetchTableOffset, _superblock.PrefetchEntries * 4);
        for (int i = 0; i < _superblock.PrefetchEntries; i++)
        {
            // Entries that lead nowhere are only lost hints.
            uint number = BinaryPrimitives.ReadUInt32LittleEndian(table[(4 * i)..]);
            if (number >= 1 && number <= (uint)_inodes.Length && _inodes[number - 1] is { } inode) prefetch.Add(inode);
        }

        return prefetch;
    }

    private static bool IsEntryName(ReadOnlySpan<byte> name) =>
        !name.ContainsAny((byte)0, (byte)'/') && !name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8);
}
