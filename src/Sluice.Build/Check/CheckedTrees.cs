using Sluice.Build.Look;
using Sluice.Formats.Hashing;
using Sluice.Formats.Rafs;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;

namespace Sluice.Build.Check;

/// <summary>Makes the trees that are compared: from layers, from a bootstrap, or from the contents of a RAFS image.</summary>
internal static class CheckedTrees
{
    private const int Window = 4 << 20;

    /// <summary>The merged tree of an ordinary image; contents go through <paramref name="digests"/> and are forgotten.</summary>
    public static async Task<CheckedTree> FromLayersAsync(StoredImage image, ChunkDigests digests, Action<long> fetched, List<string> notes, CancellationToken cancellation)
    {
        long bytes = 0;
        byte[] buffer = new byte[digests.ChunkSize];
        Inode root = await LayerContents.MergeAsync(image, (_, _, tar, file) => Digest(tar, file, digests, buffer, cancellation), count =>
        {
            bytes += count;
            fetched(bytes);
        }, notes, cancellation);
        return new CheckedTree { Root = root, DigestOf = reference => digests[reference], LinksRegularFilesOnly = false, BytesFetched = bytes };
    }

    /// <summary>The tree of a RAFS image with the digests that its bootstrap has.</summary>
    public static CheckedTree FromBootstrap(RemoteRafsImage image) => new()
    {
        Root = image.Image.Root,
        DigestOf = reference => image.Image.Chunks[reference.Blob][reference.Chunk].Digest,
        LinksRegularFilesOnly = true,
        Believed = image,
        BytesFetched = image.Source.BootstrapLayer!.Size,
    };

    /// <summary>The tree of a RAFS image, contents not compared.</summary>
    public static CheckedTree WithoutContent(RemoteRafsImage image) => new()
    {
        Root = image.Image.Root,
        DigestOf = null,
        LinksRegularFilesOnly = true,
        BytesFetched = image.Source.BootstrapLayer!.Size,
    };

    /// <summary>The tree of a RAFS image whose contents are read and cut anew: where the other side has other chunks.</summary>
    public static async Task<CheckedTree> FromContentAsync(RemoteRafsImage image, ChunkDigests digests, CancellationToken cancellation)
    {
        using var contents = new RafsContents(image, Window);
        await DigestAsync(contents, digests, cancellation);
        return new CheckedTree { Root = image.Image.Root, DigestOf = reference => digests[reference], LinksRegularFilesOnly = true, BytesFetched = contents.BytesFetched };
    }

    /// <summary>The tree of an OverlayBD image, with the digests of what its files hold.</summary>
    /// <param name="digests">Null: contents are not read.</param>
    public static async Task<CheckedTree> FromBlocksAsync(StoredImage image, ChunkDigests? digests, CancellationToken cancellation)
    {
        using BlockContents contents = await BlockContents.LoadAsync(image, Window, cancellation);
        if (digests is not null) await DigestAsync(contents, digests, cancellation);
        return new CheckedTree
        {
            Root = contents.Root,
            DigestOf = digests is null ? null : reference => digests[reference],
            LinksRegularFilesOnly = false,
            HidesLostAndFound = true,
            BytesFetched = contents.BytesFetched,
        };
    }

    /// <summary>True if every chunk that a file uses has a digest.</summary>
    public static bool HasDigests(RafsImage image) =>
        !image.IsTarfs && TreeWalk.Inodes(image.Root).All(inode => inode.Chunks.All(chunk => image.Chunks[chunk.Blob][chunk.Chunk].Digest != default));

    private static Task DigestAsync(ImageContents contents, ChunkDigests digests, CancellationToken cancellation) => contents.ReadAsync(
        [.. TreeWalk.Inodes(contents.Root).Where(inode => inode is { Type: FileType.Regular, Size: > 0 })], new DigestSink(digests), cancellation);

    private static ChunkReference[] Digest(TarReader tar, Inode file, ChunkDigests digests, byte[] buffer, CancellationToken cancellation)
    {
        for (long left = file.Size; left > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            if (tar.HoleLength >= buffer.Length)
            {
                digests.AppendZeroChunk();
                left -= tar.SkipContent(buffer.Length);
                continue;
            }

            int read = tar.ReadContent(buffer);
            digests.Append(buffer.AsSpan(0, read));
            left -= read;
        }

        return digests.EndFile();
    }

    private sealed class DigestSink(ChunkDigests digests) : IFileSink
    {
        private Inode? _file;

        public ValueTask BeginAsync(Inode file, CancellationToken cancellation)
        {
            _file = file;
            return ValueTask.CompletedTask;
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
        {
            digests.Append(piece.Span);
            return ValueTask.CompletedTask;
        }

        public ValueTask EndAsync(CancellationToken cancellation)
        {
            _file!.Chunks = digests.EndFile();
            return ValueTask.CompletedTask;
        }
    }
}
