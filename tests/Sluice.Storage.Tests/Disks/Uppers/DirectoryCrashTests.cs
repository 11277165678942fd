using System.Runtime.InteropServices;
using Sluice.Storage.Disks;
using Sluice.Storage.Disks.Uppers;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Disks.Uppers;

/// <summary>A power cut, and a killed process, at every change that a writable layer makes, also while it is sealed and another is stacked on it.</summary>
public sealed class DirectoryCrashTests
{
    private const int Sectors = 96, Below = 9999;
    private const string Parent = "44444444-4444-4444-4444-444444444444";

    /// <summary>Of the file of what is pending, as much as these tests fill.</summary>
    private const int PendingBytes = 8192;

    [Theory]
    [InlineData(UpperKind.Append, 31)]
    [InlineData(UpperKind.Append, 32)]
    [InlineData(UpperKind.Sparse, 33)]
    [InlineData(UpperKind.Sparse, 34)]
    public void After_a_power_cut_sectors_are_old_or_new_and_flushed_ones_are_there(UpperKind kind, int seed)
    {
        using TemporaryDirectory scratch = new();
        Run run = Record(kind, seed, scratch.Path, () => { });
        for (int cut = run.Created; cut <= run.Journal.Count; cut++)
        {
            for (int sample = 0; sample < 4; sample++)
            {
                Dictionary<string, FileImage> images = PowerCut.TakeDirectory(run.Journal, cut, (seed * 1_000_000) + (cut * 8) + sample);
                int[] seen = Reopen(images, null);
                int flush = run.Steps.FindLastIndex(step => step.IsFlush && step.End <= cut);
                for (int sector = 0; sector < Sectors; sector++)
                {
                    bool allowed = seen[sector] == run.Steps[flush].State[sector];
                    for (int i = flush + 1; !allowed && i < run.Steps.Count && run.Steps[i].Begin <= cut; i++) allowed = run.Steps[i].State[sector] == seen[sector];
                    Assert.True(allowed, $"cut {cut}, sample {sample}: sector {sector} holds {seen[sector]}, at the last flush {run.Steps[flush].State[sector]}");
                }

                Assert.Equal(seen, Reopen(images, null));
            }
        }
    }

    [Theory]
    [InlineData(UpperKind.Append, 41)]
    [InlineData(UpperKind.Append, 42)]
    [InlineData(UpperKind.Sparse, 43)]
    [InlineData(UpperKind.Sparse, 44)]
    public void A_killed_process_loses_nothing_that_it_acknowledged(UpperKind kind, int seed)
    {
        using TemporaryDirectory scratch = new();
        List<(int Count, int Done, Dictionary<string, byte[]> Pending)> kills = [];
        Dictionary<string, byte[]> pending = [];
        Run run = Record(kind, seed, scratch.Path, () =>
        {
            foreach (string file in Directory.EnumerateFiles(scratch.Path)) pending[Path.GetFileName(file)] = ReadLocked(file);
            foreach (string gone in pending.Keys.Where(name => !File.Exists(Path.Combine(scratch.Path, name))).ToArray()) pending.Remove(gone);
            kills.Add((Current!.Journal.Count, Current.Steps.Count, new Dictionary<string, byte[]>(pending)));
        });
        using TemporaryDirectory after = new();
        foreach ((int count, int done, Dictionary<string, byte[]> left) in kills.Where(kill => kill.Done > 0))
        {
            foreach (string file in Directory.EnumerateFiles(after.Path)) File.Delete(file);
            foreach ((string name, byte[] bytes) in left)
            {
                using FileStream file = File.Create(Path.Combine(after.Path, name));
                file.Write(bytes);
                file.SetLength(4096 + PendingLog.Bytes);
            }

            // Everything that was written is in the page cache.
            Dictionary<string, FileImage> images = PowerCut.TakeDirectory([.. run.Journal.Take(count), .. Everything(run.Journal, count)], count + run.Journal.Count + 1, seed: 3);
            int[] seen = Reopen(images, after.Path);
            Step? running = run.Steps.ElementAtOrDefault(done);
            for (int sector = 0; sector < Sectors; sector++)
            {
                Assert.True(
                    seen[sector] == run.Steps[done - 1].State[sector] || seen[sector] == running?.State[sector],
                    $"killed at {count}: sector {sector} holds {seen[sector]}, acknowledged was {run.Steps[done - 1].State[sector]}");
            }

            Assert.Equal(seen, Reopen(images, after.Path));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_another_opening_left_or_another_boot_is_not_taken_over(bool otherBoot)
    {
        using TemporaryDirectory scratch = new();
        Dictionary<string, FileImage> images = [];
        List<FileOperation> journal = [];
        using UpperDirectory first = UpperDirectory.Create(new RecordingFiles(images, journal), UpperKind.Append, Sectors * 512, Parent, scratch.Path);
        Assert.Equal(UpperError.None, first.Uppers[0].Write(0, SectorModel.Fill(8, 1)));
        string file = Directory.EnumerateFiles(scratch.Path).Single();
        byte[] pending = ReadLocked(file);
        if (otherBoot) pending[8] ^= 1;

        using TemporaryDirectory after = new();
        using (FileStream copy = File.Create(Path.Combine(after.Path, Path.GetFileName(file))))
        {
            copy.Write(pending);
            copy.SetLength(4096 + PendingLog.Bytes);
        }

        // Somebody without the file opens it in between, as after a restart with another state directory, and is killed.
        if (!otherBoot) UpperDirectory.Open(new RecordingFiles(images, journal), Parent, null).Uppers[0].Write(0, SectorModel.Fill(8, 2));
        Assert.All(Reopen(images, after.Path), sector => Assert.Equal(Below, sector));
    }

    [Theory]
    [InlineData(UpperKind.Append)]
    [InlineData(UpperKind.Sparse)]
    public void A_seal_that_fails_changes_nothing(UpperKind kind)
    {
        Dictionary<string, FileImage> images = [];
        var files = new RecordingFiles(images, []);
        using UpperDirectory uppers = UpperDirectory.Create(files, kind, Sectors * 512, Parent, null);
        Assert.Equal(UpperError.None, uppers.Uppers[0].Write(0, SectorModel.Fill(8, 1)));
        files.FailNextCreate = true;
        Assert.Throws<Formats.SluiceException>(uppers.Seal);
        files.FailNextCreate = false;
        Assert.Equal(["writable_data", "writable_index"], images.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(UpperError.None, uppers.Uppers[0].Write(0, SectorModel.Fill(4, 2)));
        uppers.Seal();
        Assert.Equal([2, 2, 2, 2, 1, 1, 1, 1], SectorModel.Read(uppers.Sealed.Single(), 8));
        Assert.Equal(4, images.Count);
    }

    private static Run? Current { get; set; }

    /// <summary>Work on a new layer: writes, discards, flushes, seals, closing and opening.</summary>
    private static Run Record(UpperKind kind, int seed, string volatileDirectory, Action boundary)
    {
        var random = new Random(seed);
        Run run = Current = new Run([], []);
        Dictionary<string, FileImage> images = [];
        var files = new RecordingFiles(images, run.Journal) { Boundary = boundary };
        int[] state = new int[Sectors];
        Array.Fill(state, Below);
        WritableDisk disk = Stack(UpperDirectory.Create(files, kind, Sectors * 512, Parent, volatileDirectory));
        run.Created = run.Journal.Count;
        run.Steps.Add(new Step(0, run.Created, [.. state], true));
        int seals = 0;
        for (int version = 1; version <= 60; version++)
        {
            int from = run.Journal.Count, offset = random.Next(Sectors), count = Math.Min(random.Next(1, 20), Sectors - offset);
            bool isFlush = false;
            switch (random.Next(14))
            {
                case < 6:
                    Assert.Equal(DiskError.None, disk.Write(offset * 512, SectorModel.Fill(count, version)));
                    state.AsSpan(offset, count).Fill(version);
                    break;
                case < 9:
                    Assert.Equal(DiskError.None, disk.Discard(offset * 512, count * 512));
                    state.AsSpan(offset, count).Clear();
                    break;
                case < 11:
                    Assert.Equal(DiskError.None, disk.Flush());
                    isFlush = true;
                    break;
                case < 13 when seals < 5:
                    disk.Seal();
                    seals++;
                    break;
                default:
                    disk.Dispose();
                    disk = Stack(UpperDirectory.Open(files, Parent, volatileDirectory));
                    isFlush = true;
                    break;
            }

            run.Steps.Add(new Step(from, run.Journal.Count, [.. state], isFlush));
            boundary();
        }

        disk.Dispose();
        return run;
    }

    private static int[] Reopen(Dictionary<string, FileImage> images, string? volatileDirectory)
    {
        using WritableDisk disk = Stack(UpperDirectory.Open(new RecordingFiles(images, []), Parent, volatileDirectory));
        byte[] bytes = new byte[Sectors * 512];
        Assert.True(disk.TryRead(0, bytes));
        int[] seen = new int[Sectors];
        for (int sector = 0; sector < Sectors; sector++)
        {
            Span<int> words = MemoryMarshal.Cast<byte, int>(bytes.AsSpan(sector * 512, 512));
            Assert.False(words.ContainsAnyExcept(words[0]));
            seen[sector] = words[0];
        }

        return seen;
    }

    /// <summary>Syncs of everything: a kill loses nothing that was written.</summary>
    private static IEnumerable<FileOperation> Everything(IReadOnlyList<FileOperation> journal, int count) =>
        [.. journal.Take(count).Select(operation => operation.File).Distinct().Select(file => new FileOperation(file, FileChange.Sync, 0, 0, [])), new FileOperation(-1, FileChange.SyncDirectory, 0, 0, []), .. Enumerable.Repeat(new FileOperation(-1, FileChange.SyncDirectory, 0, 0, []), journal.Count)];

    private static WritableDisk Stack(UpperDirectory uppers)
    {
        byte[] below = new byte[Sectors * 512];
        MemoryMarshal.Cast<byte, int>(below.AsSpan()).Fill(Below);
        return new WritableDisk("disk", new MemoryDisk(below), uppers);
    }

    /// <summary>The file is locked by the one who is to be killed; dd doesn't ask.</summary>
    private static byte[] ReadLocked(string file)
    {
        using Microsoft.Win32.SafeHandles.SafeFileHandle handle = PlainOpen.Read(file);
        byte[] bytes = new byte[PendingBytes];
        RandomAccess.Read(handle, bytes, 0);
        return bytes;
    }

    private sealed record Step(int Begin, int End, int[] State, bool IsFlush);

    private sealed record Run(List<FileOperation> Journal, List<Step> Steps)
    {
        /// <summary>Changes until the layer was made.</summary>
        public int Created { get; set; }
    }
}
