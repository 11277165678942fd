using System.Globalization;
using System.Security.Cryptography;
using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>A tree as text, a line per name: what two trees must agree on, and what a failing comparison shows.</summary>
internal static class TreeListing
{
    /// <summary>Attributes, and content as SHA-256 of what <paramref name="content"/> returns for each chunk.</summary>
    public static List<string> WithContent(RafsImage image, Func<ChunkReference, ReadOnlyMemory<byte>> content) =>
        Of(image, inode => Hash(inode, content));

    /// <summary>Attributes, and content as the chunks' digests, sizes and places.</summary>
    public static List<string> WithChunks(RafsImage image) =>
        Of(image, inode => string.Join(' ', inode.Chunks.Select(chunk => $"{chunk.Blob}:{Describe(image, chunk)}")));

    public static string Line(
        FileName path, FileType type, int mode, uint uid, uint gid, uint links, FileTime time, string detail, IEnumerable<ExtendedAttribute> xattrs)
    {
        string octal = Convert.ToString(mode, 8);
        string attributes = string.Concat(xattrs.Select(x => $" {Text(x.Name)}={Convert.ToHexString(SHA256.HashData(x.Value).AsSpan(0, 8))}/{x.Value.Length}"));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Text(path)} {type} {octal} {uid}:{gid} links={links} {time.Seconds}.{time.Nanoseconds:D9} {detail}{attributes}");
    }

    public static string Detail(FileType type, long size, DeviceNumber device, FileName target, string content, FileName firstPath) => type switch
    {
        FileType.Regular => $"size={size} first={Text(firstPath)} {content}",
        FileType.SymbolicLink => $"-> {Text(target)}",
        FileType.CharacterDevice or FileType.BlockDevice => $"{device.Major}:{device.Minor}",
        _ => "",
    };

    /// <summary>Printable ASCII as it is, the rest as %XX: lines compare bytewise.</summary>
    public static string Text(FileName name)
    {
        var text = new System.Text.StringBuilder();
        foreach (byte b in name.Bytes)
        {
            if (b is > 32 and < 127 and not (byte)'%') text.Append((char)b);
            else text.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    private static List<string> Of(RafsImage image, Func<Inode, string> content)
    {
        IReadOnlyDictionary<Inode, uint> links = TreeWalk.CountLinks(image.Root);
        var first = new Dictionary<Inode, FileName>(ReferenceEqualityComparer.Instance);
        var lines = new List<string>();
        foreach (TreeEntry entry in TreeWalk.DepthFirst(image.Root))
        {
            Inode inode = entry.Inode;
            first.TryAdd(inode, entry.Path);

            // Only regular files keep several names: everything else is written as one inode per name.
            uint count = inode.Type is FileType.Regular or FileType.Directory ? links[inode] : 1;
            string detail = Detail(inode.Type, inode.Size, inode.Device, inode.LinkTarget, inode.Type == FileType.Regular ? content(inode) : "", first[inode]);
            lines.Add(Line(entry.Path, inode.Type, inode.Mode, inode.UserId, inode.GroupId, count, inode.ModificationTime, detail, inode.ExtendedAttributes));
        }

        return lines;
    }

    private static string Hash(Inode inode, Func<ChunkReference, ReadOnlyMemory<byte>> content)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ChunkReference chunk in inode.Chunks) hash.AppendData(content(chunk).Span);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string Describe(RafsImage image, ChunkReference reference)
    {
        ChunkInfo chunk = image.Chunks[reference.Blob][reference.Chunk];
        return $"#{reference.Chunk}@{chunk.UncompressedOffset}+{chunk.UncompressedSize}/{chunk.CompressedOffset}+{chunk.CompressedSize} {chunk.Flags} {chunk.Crc32:x} {chunk.Digest}";
    }
}
