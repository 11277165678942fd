using Sluice.Formats.Oci;
using Sluice.Storage.Disks;
using Sluice.Storage.Tests.Fetching;

namespace Sluice.Storage.Tests.Cache;

public sealed class RemovalTests
{
    private readonly SyntheticBlob _open = SyntheticBlob.Create(1, 16, 6000);
    private readonly SyntheticBlob _kept = SyntheticBlob.Create(2, 16, 6000);
    private readonly SyntheticBlob _unused = SyntheticBlob.Create(3, 16, 6000);

    [Fact]
    public async Task OnlyWhatIsNeitherOpenNorWantedIsDeleted()
    {
        using Rig rig = new(_open);
        await rig.AssertReadAsync(0, _open.Content.Length);
        await FillAsync(rig, _kept);
        await FillAsync(rig, _unused);
        string foreign = Directory.CreateDirectory(Path.Combine(rig.Root, "sha256", "notes")).FullName;
        string half = Directory.CreateDirectory(Path.Combine(rig.Root, "removed-before-a-crash")).FullName;

        Assert.Equal(1, rig.Directory.RemoveUnused(new HashSet<Digest> { _kept.Blob }));
        Assert.True(Directory.Exists(rig.BlobDirectory));
        Assert.True(Directory.Exists(DirectoryOf(rig, _kept)));
        Assert.False(Directory.Exists(DirectoryOf(rig, _unused)));
        Assert.True(Directory.Exists(foreign));
        Assert.False(Directory.Exists(half));
        Assert.Empty(rig.Log);
        await rig.AssertReadAsync(0, _open.Content.Length);

        Assert.Equal(1, rig.Directory.RemoveUnused(new HashSet<Digest>()));
        Assert.False(Directory.Exists(DirectoryOf(rig, _kept)));
    }

    [Fact]
    public async Task ABlobThatComesBackIsFetchedAnew()
    {
        using Rig rig = new(_open);
        await FillAsync(rig, _unused);
        rig.Directory.RemoveUnused(new HashSet<Digest>());
        await FillAsync(rig, _unused);
        Assert.True(Directory.Exists(DirectoryOf(rig, _unused)));
    }

    [Fact]
    public async Task OpeningAndRemovingAtTheSameTimeNeverGivesWrongBytes()
    {
        using Rig rig = new(_open);
        using var done = new CancellationTokenSource();
        Task removing = Task.Run(() =>
        {
            while (!done.IsCancellationRequested) rig.Directory.RemoveUnused(new HashSet<Digest>());
        });
        for (int round = 0; round < 50; round++) await FillAsync(rig, _unused);
        await done.CancelAsync();
        await removing;
    }

    private static string DirectoryOf(Rig rig, SyntheticBlob blob) => Path.Combine(rig.Root, "sha256", blob.Blob.Hex);

    private static async Task FillAsync(Rig rig, SyntheticBlob blob)
    {
        using FilesystemDisk disk = rig.Open(blob, new ScriptedSource(blob.Stored));
        await Rig.AssertReadAsync(disk, blob, 0, blob.Content.Length);
    }
}
