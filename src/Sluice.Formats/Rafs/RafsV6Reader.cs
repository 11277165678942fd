using System.Runtime.InteropServices;
using Sluice.Formats.Rafs.V6;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Rafs;

/// <summary>
/// Reads RAFS v6 bootstraps of any age and kind: native, zran, batch, encrypted, tarfs; merged or from inside of a layer blob.
/// Sources of the facts: dragonflyoss/nydus <c>rafs/src/metadata</c> and the kernel's <c>fs/erofs</c>.
/// </summary>
/// <remarks>
/// <para>Refuses, with <see cref="InvalidFormatException"/> and the offset, what nydusd refuses and what would let the kernel and
/// Nydus see different trees. Work and memory are linear in the input, whatever it contains.</para>
/// <para>Tarfs images have no chunks of their own; each distinct piece of a tar that a file uses becomes one, with equal
/// compressed and uncompressed position and no digest, numbered in the order of the tar.</para>
/// <para>A bootstrap inside of a layer blob can't know the blob's hash: its own blob has an id of 64 × <c>x</c>.</para>
/// </remarks>
public static class RafsV6Reader
{
    internal const string Format = "rafs v6 bootstrap";

    public static RafsImage Read(ReadOnlyMemory<byte> bootstrap)
    {
        var tables = new BootstrapTables(bootstrap);
        List<RafsBlob> blobs = BlobTableReader.Read(tables);
        var chunks = new FileChunkReader(tables, blobs);
        var tree = new TreeReader(tables, chunks);
        Inode root = tree.Read();
        return new RafsImage
        {
            Version = 6,
            BlockSize = tables.Image.BlockSize,
            ChunkSize = tables.ChunkSize,
            Compressor = tables.Compressor,
            Digester = tables.Digester,
            Root = root,
            Blobs = blobs,
            Chunks = chunks.Finish(),
            Prefetch = ReadPrefetch(tables, tree),
            IsTarfs = tables.IsTarfs,
        };
    }

    /// <summary>The table is a hint: nids that are not in the tree are skipped. A zero ends it early.</summary>
    private static List<Inode> ReadPrefetch(BootstrapTables tables, TreeReader tree)
    {
        var inodes = new List<Inode>();
        foreach (byte[] entry in tables.PrefetchTable.ToArray().Chunk(sizeof(uint)))
        {
            uint nid = MemoryMarshal.Read<uint>(entry);
            if (nid == 0) break;
            if (tree.Find(nid) is { } inode) inodes.Add(inode);
        }

        return inodes;
    }
}
