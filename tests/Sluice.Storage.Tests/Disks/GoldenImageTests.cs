using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;
using Sluice.Formats.Rafs.Blobs;
using Sluice.Formats.Trees;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Disks;

/// <summary>Images that nydus-image wrote, read through disks, compared with what the kernel showed of them.</summary>
public sealed class GoldenImageTests : IDisposable
{
    private static readonly string[] Files =
        ["native-l1.blob", "native-l2.blob", "zran-l1.blob", "zran-l2.blob", "layer1.tar.gz", "layer2.tar.gz", "batch-l1.blob"];

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("merged-native.boot")]
    [InlineData("merged-zran.boot")]
    public async Task EveryFileIsRight(string bootstrap)
    {
        RafsImage image = RafsV6Reader.Read(File.ReadAllBytes(Generated(bootstrap)));
        using CacheDirectory directory = new(_directory.Path);
        using Fetcher fetcher = new();
        IReadOnlyList<IDisk> disks = await new ImageDisks(directory, fetcher).OpenAsync(image, [new GoldenSource()], "test", null, null, CancellationToken.None);
        Assert.Equal(image.Blobs.Select(blob => $"{blob.Id}-test"), disks.Select(disk => disk.Name));
        Assert.Equal(ExpectedHashes(), await HashFilesAsync(image, disks));
        Assert.Equal(0, fetcher.Counters.WrongBytes);
        foreach (IDisk disk in disks) disk.Dispose();
    }

    [Fact]
    public async Task AFlatDiskHoldsBootstrapAndBlobs()
    {
        string bootstrap = Generated("merged-native.boot");
        byte[] bytes = File.ReadAllBytes(bootstrap);
        RafsImage image = RafsV6Reader.Read(bytes);
        using CacheDirectory directory = new(_directory.Path);
        using Fetcher fetcher = new();
        using IDisk flat = await new ImageDisks(directory, fetcher).OpenFlatAsync(image, bootstrap, [new GoldenSource()], "flat", null, CancellationToken.None);
        IReadOnlyList<IDisk> disks = await new ImageDisks(directory, fetcher).OpenAsync(image, [new GoldenSource()], "", null, null, CancellationToken.None);
        Assert.Null(flat.CompleteFiles);
        byte[] whole = new byte[flat.Length];
        Assert.Equal(DiskError.None, await flat.ReadAsync(0, whole));
        byte[] expected = new byte[flat.Length];
        bytes.CopyTo(expected, 0);
        for (int index = 0; index < disks.Count; index++)
            Assert.Equal(DiskError.None, await disks[index].ReadAsync(0, expected.AsMemory((int)image.Blobs[index].MappedOffset, (int)disks[index].Length)));
        Assert.True(expected.AsSpan().SequenceEqual(whole));
        Assert.True(flat.TryRead(0, whole));
        Assert.True(flat.TryRead(image.Blobs[0].MappedOffset + 4096, new byte[4096]));
        Assert.Equal(DiskError.Invalid, await flat.ReadAsync(flat.Length, new byte[1]));
        Assert.Null(flat.CompleteFile);
        Assert.Equal(disks.Select(disk => Contents(disk.CompleteFile!)), flat.CompleteFiles!.Select(Contents));
        foreach (IDisk disk in disks) disk.Dispose();
    }

    [Fact]
    public async Task ALayersOwnImageWithBatchesReadsLikeTheOneWithout()
    {
        using CacheDirectory directory = new(_directory.Path);
        using Fetcher fetcher = new();
        List<SortedDictionary<string, string>> hashes = [];
        foreach (string name in new[] { "native-l1.blob", "batch-l1.blob" })
        {
            (RafsImage image, long size) = ReadInlined(name);
            IReadOnlyList<IDisk> disks = await new ImageDisks(directory, fetcher).OpenAsync(image, [new GoldenSource()], "", _ => size, null, CancellationToken.None);
            hashes.Add(await HashFilesAsync(image, disks));
            foreach (IDisk disk in disks) disk.Dispose();
        }

        Assert.True(hashes[0].Count > 400);
        Assert.Equal(hashes[0], hashes[1]);
        Assert.Equal(0, fetcher.Counters.WrongBytes);
    }

    [Fact]
    public async Task AWrongChunkInfoTableIsNotUsedAndARightOneIsKept()
    {
        RafsImage image = RafsV6Reader.Read(File.ReadAllBytes(Generated("merged-zran.boot")));
        using CacheDirectory directory = new(_directory.Path);
        using Fetcher fetcher = new();
        ImageDisks opener = new(directory, fetcher);
        GoldenSource spoiled = new() { Spoil = static bytes => bytes.Span[bytes.Length / 3] ^= 4 };
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => opener.OpenAsync(image, [spoiled], "", null, null, CancellationToken.None));
        Assert.Contains("chunk-info", error.Message, StringComparison.Ordinal);

        foreach (IDisk disk in await opener.OpenAsync(image, [spoiled, new GoldenSource()], "", null, null, CancellationToken.None)) disk.Dispose();
        GoldenSource none = new() { Spoil = static _ => throw new SluiceException(SluiceError.Source, "none", "away") };
        foreach (IDisk disk in await opener.OpenAsync(image, [none], "", null, null, CancellationToken.None)) disk.Dispose();
        foreach (string file in Directory.GetFiles(_directory.Path, "chunk-info", SearchOption.AllDirectories))
        {
            byte[] bytes = File.ReadAllBytes(file);
            bytes[100] ^= 1;
            File.WriteAllBytes(file, bytes);
        }

        await Assert.ThrowsAsync<SluiceException>(() => opener.OpenAsync(image, [none], "", null, null, CancellationToken.None));
    }

    [Fact]
    public async Task TarfsBlobsAreLocalFiles()
    {
        RafsImage image = RafsV6Reader.Read(File.ReadAllBytes(Generated("merged-tarfs.boot")));
        using CacheDirectory directory = new(_directory.File("cache"));
        using Fetcher fetcher = new();
        ImageDisks opener = new(directory, fetcher);
        await Assert.ThrowsAsync<SluiceException>(() => opener.OpenAsync(image, [new GoldenSource()], "", null, null, CancellationToken.None));
        File.WriteAllBytes(_directory.File("tar"), new byte[5000]);
        IReadOnlyList<IDisk> disks = await opener.OpenAsync(image, [], "", null, _ => _directory.File("tar"), CancellationToken.None);
        Assert.All(disks, disk => Assert.Equal(8192, disk.Length));
        byte[] buffer = [.. Enumerable.Repeat((byte)1, 8192)];
        Assert.True(disks[0].TryRead(0, buffer));
        Assert.All(buffer, value => Assert.Equal(0, value));
        Assert.Null(disks[0].CompleteFile);
        foreach (IDisk disk in disks) disk.Dispose();
    }

    private static string Contents(SafeFileHandle file)
    {
        byte[] bytes = new byte[RandomAccess.GetLength(file)];
        Assert.Equal(bytes.Length, RandomAccess.Read(file, bytes, 0));
        return Convert.ToHexString(SHA256.HashData(bytes));
    }

    private static string Generated(string name) => Golden.Path("nydus/generated/" + name);

    private static (RafsImage Image, long Size) ReadInlined(string name)
    {
        byte[] blob = File.ReadAllBytes(Generated(name));
        BlobToc toc = BlobToc.ReadTail(blob.Length, blob, out _)!;
        BlobTocEntry boot = toc.Find(BlobSection.ImageBoot)!;
        RafsImage image = RafsV6Reader.Read(boot.Unpack(blob.AsSpan((int)boot.Offset, (int)boot.CompressedSize)));
        RafsImage named = new()
        {
            ChunkSize = image.ChunkSize,
            Root = image.Root,
            Chunks = image.Chunks,
            Digester = image.Digester,
            Blobs = [.. image.Blobs.Select(entry => entry with { Id = Digest.Sha256(blob).Hex, TocDigest = toc.Digest })],
        };
        return (named, blob.Length);
    }

    private static async Task<SortedDictionary<string, string>> HashFilesAsync(RafsImage image, IReadOnlyList<IDisk> disks)
    {
        SortedDictionary<string, string> hashes = new(StringComparer.Ordinal);
        foreach (TreeEntry entry in TreeWalk.DepthFirst(image.Root).Where(entry => entry.Inode.Type == FileType.Regular))
        {
            byte[] content = new byte[entry.Inode.Size];
            int done = 0;
            foreach (ChunkReference reference in entry.Inode.Chunks)
            {
                ChunkInfo chunk = image.Chunks[reference.Blob][reference.Chunk];
                int length = Math.Min(chunk.UncompressedSize, content.Length - done);
                Memory<byte> part = content.AsMemory(done, length);
                if (!disks[reference.Blob].TryRead(chunk.UncompressedOffset, part.Span))
                    Assert.Equal(DiskError.None, await disks[reference.Blob].ReadAsync(chunk.UncompressedOffset, part));
                done += length;
            }

            Assert.Equal(content.Length, done);
            hashes["/" + entry.Path.ToString().TrimStart('/')] = Convert.ToHexStringLower(SHA256.HashData(content));
        }

        return hashes;
    }

    private static SortedDictionary<string, string> ExpectedHashes()
    {
        SortedDictionary<string, string> hashes = new(StringComparer.Ordinal);
        foreach (string line in File.ReadLines(Generated("exp-native.jsonl")))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            if (document.RootElement.TryGetProperty("sha256", out JsonElement hash)) hashes[document.RootElement.GetProperty("path").GetString()!] = hash.GetString()!;
        }

        return hashes;
    }

    private sealed class GoldenSource : IBlobSource
    {
        private static readonly Lazy<Dictionary<Digest, byte[]>> Blobs =
            new(() => Files.Select(name => File.ReadAllBytes(Generated(name))).ToDictionary(bytes => Digest.Sha256(bytes)));

        public string Name => "golden";

        public Action<Memory<byte>>? Spoil { get; init; }

        public Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
        {
            Blobs.Value[blob].AsSpan((int)offset, destination.Length).CopyTo(destination.Span);
            Spoil?.Invoke(destination);
            return Task.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
