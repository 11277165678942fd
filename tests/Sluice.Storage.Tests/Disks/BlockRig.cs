using System.Security.Cryptography;
using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Testing;
using Sluice.Testing.Images;

namespace Sluice.Storage.Tests.Disks;

/// <summary>A cache and a fetcher that block images are opened with, one process after the other.</summary>
internal sealed class BlockRig : IDisposable
{
    private readonly TemporaryDirectory _temporary = new();
    private CacheDirectory _directory;

    public BlockRig() => _directory = new CacheDirectory(_temporary.Path);

    public string Root => _temporary.Path;

    public Fetcher Fetcher { get; private set; } = new();

    public MemoryStore Store { get; } = new();

    public static string BlobFile(string root, Digest blob, string name) => Path.Combine(root, blob.Algorithm, blob.Hex, name);

    public Task<BlockStack> LoadAsync(BlockImage image) => LoadAsync(image, Store);

    public async Task<BlockStack> LoadAsync(BlockImage image, MemoryStore store)
    {
        StoredManifest manifest = await image.StoreAsync(store, null);
        (BlockStack stack, _) = await BlockStackLoader.LoadAsync(new StoredImage(store, manifest, ImageManifest.Parse(manifest.Content.Span)), _directory, CancellationToken.None);
        return stack;
    }

    public BlockDisk Open(BlockStack stack, MemoryStore? store = null) => new ImageDisks(_directory, Fetcher).OpenBlocks(stack, store ?? Store, "block");

    public void Restart()
    {
        Fetcher.Dispose();
        _directory.Dispose();
        _directory = new CacheDirectory(_temporary.Path);
        Fetcher = new Fetcher();
    }

    public static async Task<string> HashAsync(BlockDisk disk)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 20];
        for (long offset = 0; offset < disk.Length; offset += buffer.Length)
        {
            if (!disk.TryRead(offset, buffer)) Assert.Equal(DiskError.None, await disk.ReadAsync(offset, buffer));
            hash.AppendData(buffer);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public void Dispose()
    {
        Fetcher.Dispose();
        _directory.Dispose();
        _temporary.Dispose();
    }
}
