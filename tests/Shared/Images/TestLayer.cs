using System.IO.Compression;
using System.Text;
using Sluice.Formats.Compression;
using Sluice.Formats.Oci;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Testing.Images;

/// <summary>A layer for tests, entry by entry, in the order of the calls.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "holds nothing but memory")]
internal sealed class TestLayer
{
    public static readonly FileTime Time = new(1_700_000_000, 123_456_789);

    private readonly MemoryStream _tar = new();
    private readonly TarWriter _writer;
    private byte[]? _raw;

    public TestLayer() => _writer = new TarWriter(_tar, leaveOpen: true);

    public string MediaType { get; private set; } = MediaTypes.OciLayerGzip;

    public TestLayer Directory(string path, ushort mode = 0x1ED, uint owner = 0, params (string Name, string Value)[] attributes) =>
        Add(new TarEntry { Path = new FileName(path), Type = TarEntryType.Directory, Mode = mode, UserId = owner, GroupId = owner, ModificationTime = Time, ExtendedAttributes = Attributes(attributes) });

    public TestLayer File(string path, string content = "", ushort mode = 0x1A4, uint owner = 0, params (string Name, string Value)[] attributes) =>
        File(new FileName(path), Encoding.UTF8.GetBytes(content), mode, owner, attributes);

    public TestLayer File(string path, byte[] content) => File(new FileName(path), content);

    public TestLayer File(FileName path, byte[] content, ushort mode = 0x1A4, uint owner = 0, params (string Name, string Value)[] attributes)
    {
        var entry = new TarEntry { Path = path, Type = TarEntryType.Regular, Mode = mode, UserId = owner, GroupId = owner, ModificationTime = Time, Size = content.Length, ExtendedAttributes = Attributes(attributes) };
        _writer.WriteEntry(entry, content);
        return this;
    }

    public TestLayer Link(string path, string target) =>
        Add(new TarEntry { Path = new FileName(path), Type = TarEntryType.SymbolicLink, LinkTarget = new FileName(target), Mode = 0x1FF, ModificationTime = Time });

    public TestLayer HardLink(string path, string target) =>
        Add(new TarEntry { Path = new FileName(path), Type = TarEntryType.HardLink, LinkTarget = new FileName(target), ModificationTime = Time });

    public TestLayer Device(string path, TarEntryType type, uint major, uint minor) =>
        Add(new TarEntry { Path = new FileName(path), Type = type, Mode = 0x1B6, Device = new DeviceNumber(major, minor), ModificationTime = Time });

    public TestLayer Fifo(string path) => Add(new TarEntry { Path = new FileName(path), Type = TarEntryType.Fifo, Mode = 0x1A4, ModificationTime = Time });

    public TestLayer Whiteout(string path)
    {
        int slash = path.LastIndexOf('/');
        return File($"{path[..(slash + 1)]}.wh.{path[(slash + 1)..]}");
    }

    public TestLayer Opaque(string directory) => File(directory.Length == 0 ? ".wh..wh..opq" : $"{directory}/.wh..wh..opq");

    public TestLayer Add(TarEntry entry)
    {
        _writer.WriteEntry(entry);
        return this;
    }

    /// <summary>Content of the file that <see cref="Add"/> has just begun.</summary>
    public TestLayer Content(ReadOnlySpan<byte> content)
    {
        _writer.WriteContent(content);
        return this;
    }

    public TestLayer Zstd()
    {
        MediaType = MediaTypes.OciLayerZstd;
        return this;
    }

    public TestLayer Uncompressed()
    {
        MediaType = MediaTypes.OciLayer;
        return this;
    }

    /// <summary>A layer with these bytes, whatever they are.</summary>
    public static TestLayer Raw(byte[] bytes, string mediaType = MediaTypes.OciLayerGzip) => new() { _raw = bytes, MediaType = mediaType };

    public byte[] ToTar()
    {
        _writer.Finish();
        return _tar.ToArray();
    }

    /// <summary>The layer as it is stored, and the digest of the tar in it.</summary>
    public (byte[] Blob, Digest DiffId) Pack()
    {
        if (_raw is not null) return (_raw, Digest.Sha256(TarOf(_raw)));
        byte[] tar = ToTar();
        byte[] blob = MediaType switch
        {
            MediaTypes.OciLayerZstd => CompressZstd(tar),
            MediaTypes.OciLayerGzip => CompressGzip(tar),
            _ => tar,
        };
        return (blob, Digest.Sha256(tar));
    }

    /// <summary>What is in raw bytes if they are gzip; what isn't anything has no digest that matters.</summary>
    private static byte[] TarOf(byte[] raw)
    {
        try
        {
            using var gzip = new GZipStream(new MemoryStream(raw), CompressionMode.Decompress);
            using var tar = new MemoryStream();
            gzip.CopyTo(tar);
            return tar.ToArray();
        }
        catch (InvalidDataException)
        {
            return raw;
        }
    }

    private static byte[] CompressGzip(byte[] tar)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest)) gzip.Write(tar);
        return packed.ToArray();
    }

    private static byte[] CompressZstd(byte[] tar)
    {
        byte[] packed = new byte[ChunkCodec.MaxCompressedLength(Compressor.Zstd, tar.Length)];
        int length = ChunkCodec.Compress(Compressor.Zstd, tar, packed, 3);
        return packed[..length];
    }

    private static ExtendedAttribute[] Attributes((string Name, string Value)[] attributes) =>
        [.. attributes.Select(a => new ExtendedAttribute(new FileName(a.Name), Encoding.UTF8.GetBytes(a.Value))).OrderBy(a => a.Name)];
}
