using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Storage.Tests.Disks;
using Sluice.Storage.Tests.Fetching;
using Sluice.Testing;
using Sluice.Testing.Images;

namespace Sluice.Storage.Tests.Sources.Faults;

/// <summary>A disk of one of the two kinds whose content is known, cut into pieces that are fetched apart, and the blobs that it is made of.</summary>
internal sealed class FaultDisk
{
    private const int MostPieces = 12;

    private static readonly Lazy<Task<FaultDisk>> Blocks = new(LoadBlocksAsync);

    private readonly Dictionary<string, byte[]> _blobs = [];
    private readonly Func<CacheDirectory, Fetcher, IImageStore, IDisk> _open;
    private readonly (long Offset, byte[] Content)[] _pieces;

    private FaultDisk((long, byte[])[] pieces, IEnumerable<(Digest Digest, byte[] Content)> blobs, Func<CacheDirectory, Fetcher, IImageStore, IDisk> open)
    {
        (_pieces, _open) = (pieces, open);
        foreach ((Digest digest, byte[] content) in blobs) _blobs[$"/v2/app/blobs/{digest}"] = content;
    }

    /// <summary>A blob of chunks with digests, as RAFS has them.</summary>
    public static FaultDisk OfChunks(int seed)
    {
        SyntheticBlob blob = SyntheticBlob.Create(seed, MostPieces, 12_000, maxMembers: 1, vary: true, maxGap: 2000);
        (long, byte[])[] pieces = [.. Enumerable.Range(0, MostPieces).Select(blob.GetExtent).Select(chunk => (chunk.Offset, blob.Content[(int)chunk.Offset..(int)(chunk.Offset + chunk.Length)]))];
        return new FaultDisk(pieces, [(blob.Blob, blob.Stored)], (directory, fetcher, store) => new FilesystemDisk(blob.Blob.Hex, new BlobReader(blob, directory, fetcher, [store])));
    }

    /// <summary>A block image of three layers that overlaybd wrote: blocks with checksums.</summary>
    public static Task<FaultDisk> OfBlocksAsync() => Blocks.Value;

    public int Pieces => _pieces.Length;

    public (long Offset, byte[] Content) Piece(int index) => _pieces[index];

    public IDisk Open(CacheDirectory directory, Fetcher fetcher, IImageStore store) => _open(directory, fetcher, store);

    public ProxyResponse? Respond(ProxyRequest request) => _blobs.TryGetValue(request.Path, out byte[]? content) ? ProxyResponse.Content(request, content) : null;

    /// <summary>The pieces are places of the device that need a request each when they are read first: found by reading it from memory.</summary>
    private static async Task<FaultDisk> LoadBlocksAsync()
    {
        using BlockRig rig = new();
        using TemporaryDirectory temporary = new();
        using CacheDirectory cache = new(temporary.Path);
        using Fetcher sparing = new(Rig.NoExtras);
        BlockImage image = BlockImage.Golden();
        BlockStack stack = await rig.LoadAsync(image);
        List<(long, byte[])> pieces = [];
        using (BlockDisk disk = new ImageDisks(cache, sparing).OpenBlocks(stack, rig.Store, "block"))
        {
            byte[] buffer = new byte[4096];
            for (long offset = 0; offset < disk.Length && pieces.Count < MostPieces; offset += buffer.Length)
            {
                if (disk.TryRead(offset, buffer)) continue;
                Assert.Equal(DiskError.None, await disk.ReadAsync(offset, buffer));
                pieces.Add((offset, [.. buffer]));
            }
        }

        Assert.InRange(pieces.Count, 4, MostPieces);
        return new FaultDisk([.. pieces], image.Layers.Select(layer => (Digest.Sha256(layer), layer)), (directory, fetcher, store) => new ImageDisks(directory, fetcher).OpenBlocks(stack, store, "block"));
    }
}
