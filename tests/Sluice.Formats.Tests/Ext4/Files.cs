using Sluice.Formats.Ext4;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Ext4;

/// <summary>Short ways to make files.</summary>
internal static class Files
{
    public static readonly FileTime Time = new(1_700_000_000, 123_456_789);

    public static Inode Plain(FileType type = FileType.Regular, ushort mode = 0x1A4) => new() { Type = type, Mode = mode, ModificationTime = Time };

    public static uint AddDirectory(this Ext4FileSystem fileSystem, uint parent, string name) =>
        fileSystem.CreateDirectory(parent, new FileName(name), Plain(FileType.Directory, 0x1ED));

    public static uint AddFile(this Ext4FileSystem fileSystem, uint parent, string name, byte[]? content = null) =>
        fileSystem.Add(parent, name, Plain(), content is null ? null : fileSystem.WriteContent(content.Length, null, new FileBytes(content)));

    public static uint Add(this Ext4FileSystem fileSystem, uint parent, string name, Inode inode, Ext4Content? content = null)
    {
        uint number = fileSystem.Create(inode, content);
        fileSystem.Link(parent, new FileName(name), number);
        return number;
    }

    public static Inode Find(this Ext4Image image, string path) => TreeWalk.Find(image.Root, new FileName(path)) ?? throw new KeyNotFoundException(path);

    public static byte[] ContentOf(this Ext4Image image, string path)
    {
        Inode file = image.Find(path);
        byte[] content = new byte[file.Size];
        Assert.Equal(content.Length, image.ReadContent(file, 0, content));
        return content;
    }

    public static byte[] Bytes(int seed, int length)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Bytes as the content of a file.</summary>
    internal sealed class FileBytes(byte[] bytes) : IFileContent
    {
        private int _position;

        public int Read(Span<byte> buffer)
        {
            int count = Math.Min(buffer.Length, bytes.Length - _position);
            bytes.AsSpan(_position, count).CopyTo(buffer);
            _position += count;
            return count;
        }

        public void Skip(long count) => _position += (int)count;
    }
}
