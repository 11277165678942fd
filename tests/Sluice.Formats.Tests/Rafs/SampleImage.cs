using System.Security.Cryptography;
using Sluice.Formats.Compression;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>
/// A seeded random image with the contents of its blobs: every type of file, names of any bytes, directories of many blocks,
/// hard links, shared and scattered chunks, large attributes, times before 1970. Root can mount it and see all of it.
/// </summary>
internal sealed class SampleImage
{
    private readonly Random _random;
    private readonly List<MemoryStream> _spaces = [];
    private readonly List<List<ChunkInfo>> _chunks = [];
    private readonly List<Inode> _files = [];
    private readonly int _chunkSize;

    public SampleImage(int seed, int names = 400, int blobs = 3, int chunkSize = 8192)
    {
        _random = new Random(seed);
        _chunkSize = chunkSize;
        for (int i = 0; i < blobs; i++)
        {
            _spaces.Add(new MemoryStream());
            _chunks.Add([]);
        }

        Inode root = Inode.NewDirectory();
        Describe(root);
        var directories = new List<Inode> { root };
        for (int i = 0; i < names; i++) AddName(directories);
        AddBigDirectory(root);
        for (int i = 0; i < blobs; i++)
        {
            if (_chunks[i].Count == 0) AddChunk(i, 1);
        }

        Image = new RafsImage
        {
            ChunkSize = chunkSize,
            Compressor = Compressor.None,
            Root = root,
            Blobs = [.. Enumerable.Range(0, blobs).Select(DescribeBlob)],
            Chunks = [.. _chunks.Select(chunks => chunks.ToArray())],
            Prefetch = [root, .. _files.Take(3)],
        };
    }

    public RafsImage Image { get; }

    public ReadOnlyMemory<byte> Content(ChunkReference reference)
    {
        ChunkInfo chunk = _chunks[reference.Blob][reference.Chunk];
        return _spaces[reference.Blob].GetBuffer().AsMemory((int)chunk.UncompressedOffset, chunk.UncompressedSize);
    }

    /// <summary>Writes every blob space to a file of its own, in device order.</summary>
    public List<string> WriteDevices(string directory) => [.. _spaces.Select((space, i) =>
    {
        string path = Path.Combine(directory, $"device{i}");
        File.WriteAllBytes(path, space.ToArray());
        return path;
    })];

    private void AddName(List<Inode> directories)
    {
        Inode directory = directories[_random.Next(directories.Count)];
        FileName name = RandomName();
        if (directory.Entries!.ContainsKey(name)) return;
        Inode inode = _random.Next(12) switch
        {
            0 or 1 => Inode.NewDirectory(),
            2 => NewLink(),
            3 => new Inode { Type = FileType.CharacterDevice, Device = new DeviceNumber((uint)_random.Next(4096), (uint)_random.Next(1 << 20)) },
            4 => new Inode { Type = FileType.BlockDevice, Device = new DeviceNumber(4095, 0xFFFFF) },
            5 => new Inode { Type = FileType.Fifo },
            6 => new Inode { Type = FileType.Socket },
            7 when _files.Count > 0 => _files[_random.Next(_files.Count)],
            _ => NewFile(),
        };
        directory.Entries.Add(name, inode);
        if (_files.Contains(inode)) return;
        Describe(inode);
        if (inode.Type == FileType.Directory) directories.Add(inode);
        if (inode.Type == FileType.Regular) _files.Add(inode);
    }

    /// <summary>Several blocks of names, some of which sort before "." and between "." and "..".</summary>
    private void AddBigDirectory(Inode root)
    {
        Inode big = Inode.NewDirectory();
        Describe(big);
        root.Entries!.Add(new FileName("big"), big);
        foreach (string name in new[] { "!first", "-", ".-", "..!", "...", ".a" }) big.Entries!.Add(new FileName(name), NewLink());
        for (int i = 0; i < 300; i++) big.Entries!.TryAdd(RandomName(), new Inode { Type = FileType.Fifo, Mode = 0x1A4 });
    }

    private FileName RandomName()
    {
        byte[] name = new byte[_random.Next(20) == 0 ? 255 : _random.Next(1, 24)];
        for (int i = 0; i < name.Length; i++)
        {
            do name[i] = (byte)(_random.Next(3) == 0 ? _random.Next(1, 256) : _random.Next('a', 'z'));
            while (name[i] == '/');
        }

        return name is [(byte)'.'] or [(byte)'.', (byte)'.'] ? new FileName("dot") : new FileName(name);
    }

    private Inode NewLink()
    {
        byte[] target = new byte[_random.Next(8) switch { 0 => 4095, 1 => _random.Next(3900, 4095), _ => _random.Next(1, 200) }];
        for (int i = 0; i < target.Length; i++) target[i] = (byte)_random.Next(1, 256);
        return new Inode { Type = FileType.SymbolicLink, Mode = 0x1FF, LinkTarget = new FileName(target), Size = target.Length };
    }

    private Inode NewFile()
    {
        var inode = new Inode
        {
            Type = FileType.Regular,
            Size = _random.Next(4) switch { 0 => 0, 1 => _random.Next(1, 100), 2 => _chunkSize * _random.Next(1, 9), _ => _random.Next(1, 9 * _chunkSize) },
        };
        var chunks = new List<ChunkReference>();
        bool scattered = _random.Next(3) == 0;
        int blob = _random.Next(_spaces.Count);
        for (long offset = 0; offset < inode.Size; offset += _chunkSize)
        {
            if (scattered) blob = _random.Next(_spaces.Count);
            int length = (int)Math.Min(_chunkSize, inode.Size - offset);
            int known = scattered ? _chunks[blob].FindIndex(chunk => chunk.UncompressedSize == length) : -1;
            chunks.Add(new ChunkReference(blob, known >= 0 ? known : AddChunk(blob, length)));
        }

        inode.Chunks = chunks;
        return inode;
    }

    private int AddChunk(int blob, int length)
    {
        byte[] data = new byte[length];
        _random.NextBytes(data);
        MemoryStream space = _spaces[blob];
        _chunks[blob].Add(new ChunkInfo
        {
            CompressedOffset = space.Length,
            CompressedSize = length,
            UncompressedOffset = space.Length,
            UncompressedSize = length,
            Flags = ChunkFlags.HasCrc32,
            Crc32 = (uint)_random.Next(),
            Digest = new ChunkDigest(SHA256.HashData(data)),
        });
        space.Write(data);
        space.Write(new byte[-length & 4095]);
        return _chunks[blob].Count - 1;
    }

    private RafsBlob DescribeBlob(int index) => new()
    {
        Id = Convert.ToHexStringLower(SHA256.HashData([(byte)index])),
        ChunkSize = _chunkSize,
        ChunkCount = _chunks[index].Count,
        Features = BlobFeatures.CapTarToc | BlobFeatures.Aligned | BlobFeatures.InlinedChunkDigest,
        CompressedSize = _spaces[index].Length,
        UncompressedSize = _spaces[index].Length,
        ChunkInfoOffset = _spaces[index].Length,
        ChunkInfoCompressedSize = _chunks[index].Count * 16,
        ChunkInfoUncompressedSize = _chunks[index].Count * 16,
        TocDigest = new ChunkDigest(SHA256.HashData([(byte)index, 1])),
    };

    private void Describe(Inode inode)
    {
        inode.Mode = (ushort)_random.Next(0x1000);
        inode.UserId = _random.Next(3) == 0 ? uint.MaxValue - 1 - (uint)_random.Next(1000) : (uint)_random.Next(70000);
        inode.GroupId = (uint)_random.Next();
        inode.ModificationTime = new FileTime(_random.NextInt64(-3_000_000_000, 9_000_000_000), (uint)_random.Next(1_000_000_000));
        if (_random.Next(4) == 0) inode.ExtendedAttributes = RandomAttributes(inode.Type);
    }

    /// <summary>The kernel shows <c>user.</c> attributes of files and directories only, and access lists not of links.</summary>
    private List<ExtendedAttribute> RandomAttributes(FileType type)
    {
        var attributes = new SortedDictionary<FileName, byte[]>();
        bool plain = type is FileType.Regular or FileType.Directory;
        for (int i = _random.Next(1, 5); i > 0; i--)
        {
            string prefix = plain && _random.Next(2) == 0 ? "user." : _random.Next(2) == 0 ? "trusted." : "security.";
            byte[] value = new byte[_random.Next(10) switch { 0 => 0, 1 => _random.Next(1, 65535), _ => _random.Next(1, 300) }];
            _random.NextBytes(value);
            attributes[new FileName(prefix + new string((char)_random.Next('a', 'z'), _random.Next(1, 100)))] = value;
        }

        if (plain && _random.Next(2) == 0) attributes[new FileName("system.posix_acl_access")] = AccessList;
        if (type == FileType.Directory && _random.Next(2) == 0) attributes[new FileName("system.posix_acl_default")] = AccessList;
        return [.. attributes.Select(attribute => new ExtendedAttribute(attribute.Key, attribute.Value))];
    }

    /// <summary>Version 2; owner rwx, group r-x, others r--.</summary>
    private static byte[] AccessList =>
        [2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 4, 0, 5, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255];
}
