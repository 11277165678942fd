using System.Formats.Tar;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Tests.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Cache;

public sealed class ArchiveTests : IDisposable
{
    private readonly TemporaryDirectory _root = new();
    private readonly SyntheticBlob _blob = SyntheticBlob.Create(1, 64, 6000, maxMembers: 2, vary: true);

    public void Dispose() => _root.Dispose();

    [Fact]
    public async Task ANodeWithoutNetworkIsSeeded()
    {
        MemoryStream archive = await ExportAsync();
        using (CacheDirectory target = new(_root.Path))
        {
            CacheArchiveSummary sum = target.Import(archive, CancellationToken.None);
            Assert.Equal((1, 64L, 0L), (sum.Blobs, sum.Chunks, sum.Refused));
            Assert.Equal(0, target.RemoveUnused(new HashSet<Digest>())); // it waits for its image
        }

        using Rig rig = new(_blob, root: _root.Path);
        await rig.AssertReadAsync(0, _blob.Content.Length);
        Assert.Empty(rig.Source.Requests);
        rig.Disk.Dispose();
        Assert.Equal(1, rig.Directory.RemoveUnused(new HashSet<Digest>()));
    }

    [Fact]
    public async Task ATableOfChunksIsCarriedAndWhatIsSomebodyElsesIsHandedOver()
    {
        MemoryStream archive = new();
        using (Rig rig = new(_blob))
        using (TarWriter tar = new(archive, TarEntryFormat.Ustar, leaveOpen: true))
        {
            await rig.AssertReadAsync(0, _blob.Content.Length);
            rig.Directory.Keep(_blob.Blob, CacheDirectory.ChunkInfoFile, [1, 2, 3]);
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, "oci-layout") { DataStream = new MemoryStream([4]) });
            rig.Directory.Export(new HashSet<Digest> { _blob.Blob }, tar, CancellationToken.None);
        }

        archive.Position = 0;
        List<string> handed = [];
        using CacheDirectory target = new(_root.Path);
        Assert.Equal(64, target.Import(archive, CancellationToken.None, Take).Chunks);
        Assert.Equal(["oci-layout"], handed);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(Path.Combine(target.GetBlobDirectory(_blob.Blob), CacheDirectory.ChunkInfoFile)));

        bool Take(TarEntry entry)
        {
            if (entry.Name.StartsWith("sha256/", StringComparison.Ordinal)) return false;
            handed.Add(entry.Name);
            return true;
        }
    }

    [Fact]
    public async Task WhatIsWrongInAnArchiveIsNotTaken()
    {
        byte[] archive = (await ExportAsync()).ToArray();
        archive[^2000] ^= 1; // in the last chunk
        using (CacheDirectory target = new(_root.Path))
        {
            CacheArchiveSummary sum = target.Import(new MemoryStream(archive), CancellationToken.None);
            Assert.Equal((63L, 1L), (sum.Chunks, sum.Refused));
        }

        using Rig rig = new(_blob, root: _root.Path);
        await rig.AssertReadAsync(0, _blob.Content.Length);
        Assert.NotEmpty(rig.Source.Requests);
    }

    [Fact]
    public async Task AnArchiveThatLiesAboutABlobDoesNoHarm()
    {
        SyntheticBlob honest = SyntheticBlob.Create(5, 12);
        MemoryStream archive = await ExportAsync(honest.Forged(6));
        using (CacheDirectory target = new(_root.Path)) target.Import(archive, CancellationToken.None);
        using Rig rig = new(honest, root: _root.Path);
        await rig.AssertReadAsync(0, honest.Content.Length);
    }

    [Fact]
    public async Task DamagedArchivesAreRefusedOrTakenInPart()
    {
        byte[] archive = (await ExportAsync()).ToArray();
        Random random = new(3);
        for (int round = 0; round < 60; round++)
        {
            byte[] damaged = round % 2 == 0 ? archive[..random.Next(archive.Length)] : [.. archive];
            if (round % 2 != 0) damaged[random.Next(8192)] ^= (byte)(1 << random.Next(8));
            string root = _root.File($"{round}");
            using (CacheDirectory target = new(root))
            {
                try
                {
                    target.Import(new MemoryStream(damaged), CancellationToken.None);
                }
                catch (SluiceException)
                {
                    // as it should, where it shows
                }
            }

            using Rig rig = new(_blob, root: root);
            await rig.AssertReadAsync(0, _blob.Content.Length);
        }
    }

    private async Task<MemoryStream> ExportAsync(SyntheticBlob? other = null)
    {
        SyntheticBlob blob = other ?? _blob;
        using Rig rig = new(blob);
        await rig.AssertReadAsync(0, blob.Content.Length);
        MemoryStream archive = new();
        CacheArchiveSummary sum;
        using (TarWriter tar = new(archive, TarEntryFormat.Ustar, leaveOpen: true)) sum = rig.Directory.Export(new HashSet<Digest> { blob.Blob }, tar, CancellationToken.None);
        Assert.Equal(blob.Count, sum.Chunks);
        archive.Position = 0;
        return archive;
    }
}
