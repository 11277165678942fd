using Sluice.Formats;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Storage.Disks.Uppers;

namespace Sluice.Storage.Tests.Disks.Uppers;

/// <summary>A power cut at every call that an upper makes, with any part of what was not synced lost.</summary>
public sealed class CrashTests
{
    private const int Sectors = 96;

    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    [InlineData(false, 3)]
    [InlineData(true, 4)]
    [InlineData(true, 5)]
    [InlineData(true, 6)]
    public void Sectors_are_old_or_new_and_flushed_ones_are_there(bool sparse, int seed)
    {
        var random = new Random(seed);
        List<FileOperation> journal = [];
        FileImage[] live = [new(), new()];
        List<Step> steps = [];
        int[] state = new int[Sectors];
        Array.Fill(state, SectorModel.Absent);
        IUpper upper = Start(sparse, live, journal, create: true);
        int begin = journal.Count;
        steps.Add(new Step(0, begin, [.. state], []));
        for (int version = 1; version <= 70; version++)
        {
            int from = journal.Count, offset = random.Next(Sectors), count = Math.Min(random.Next(1, 20), Sectors - offset);
            switch (random.Next(12))
            {
                case < 6:
                    Assert.Equal(UpperError.None, upper.Write(offset * 512, SectorModel.Fill(count, version)));
                    state.AsSpan(offset, count).Fill(version);
                    break;
                case < 9:
                    Assert.Equal(UpperError.None, upper.Discard(offset * 512, count * 512));
                    state.AsSpan(offset, count).Clear();
                    break;
                case < 11:
                    Assert.Equal(UpperError.None, upper.Flush());
                    steps.Add(new Step(from, journal.Count, [.. state], []));
                    continue;
                default:
                    upper.Dispose();
                    steps.Add(new Step(from, journal.Count, [.. state], []));
                    upper = Start(sparse, live, journal, create: false);
                    continue;
            }

            steps.Add(new Step(from, journal.Count, null, [.. state]));
        }

        if (upper is AppendUpper append)
        {
            int from = journal.Count;
            Assert.Equal(UpperError.None, append.Seal());
            steps.Add(new Step(from, journal.Count, [.. state], []));
        }

        for (int cut = begin; cut <= journal.Count; cut++)
        {
            for (int sample = 0; sample < 5; sample++) Check(sparse, steps, journal, cut, (seed * 1_000_000) + (cut * 8) + sample);
        }
    }

    private static void Check(bool sparse, List<Step> steps, List<FileOperation> journal, int cut, int seed)
    {
        FileImage[] images = PowerCut.Take(journal, cut, seed);
        List<FileOperation> second = [];
        int[] seen;
        int start;
        if (IsSealed(images, second))
        {
            Assert.Equal(steps[^1].Flushed, SectorModel.ReadLayer(images[0].Bytes, Sectors));
            return;
        }

        Assert.False(!sparse && cut == journal.Count);
        using (IUpper upper = Start(sparse, images, second, create: false))
        {
            seen = SectorModel.Read(upper, Sectors);
            int flush = steps.FindLastIndex(step => step.Flushed is not null && step.End <= cut);
            for (int sector = 0; sector < Sectors; sector++)
            {
                bool allowed = seen[sector] == steps[flush].Flushed![sector];
                for (int i = flush + 1; !allowed && i < steps.Count && steps[i].Begin <= cut; i++) allowed = steps[i].Flushed is null && steps[i].State[sector] == seen[sector];
                Assert.True(allowed, $"cut {cut}, seed {seed}: sector {sector} holds {seen[sector]}, at the last flush {steps[flush].Flushed![sector]}");
            }

            // Life goes on: what is written over what was cut away must not meet it again.
            start = seed % (Sectors - 8);
            Assert.Equal(UpperError.None, upper.Write(start * 512, SectorModel.Fill(8, 777)));
            Assert.Equal(UpperError.None, upper.Flush());
        }

        seen.AsSpan(start, 8).Fill(777);
        using IUpper again = Start(sparse, images, second, create: false);
        Assert.Equal(seen, SectorModel.Read(again, Sectors));
    }

    private static bool IsSealed(FileImage[] images, List<FileOperation> journal)
    {
        if (images[0].Bytes.Length < 4096 || LsmtHeader.Read(images[0].Bytes).Flags.HasFlag(LsmtFlags.Sparse)) return false;
        try
        {
            AppendUpper.Open(new RecordingFile(0, images[0], journal), new RecordingFile(1, images[1], journal)).Dispose();
            return false;
        }
        catch (SluiceException e) when (e.Error == SluiceError.Usage)
        {
            return true;
        }
    }

    private static LoggedUpper Start(bool sparse, FileImage[] images, List<FileOperation> journal, bool create)
    {
        var data = new RecordingFile(0, images[0], journal);
        var log = new RecordingFile(1, images[1], journal);
        LsmtHeader header = LsmtHeader.ForData(Sectors * 512, "11111111-1111-1111-1111-111111111111", LsmtHeader.NoUuid, sparse);
        if (create) return sparse ? SparseUpper.Create(data, log, header) : AppendUpper.Create(data, log, header);
        return sparse ? SparseUpper.Open(data, log) : AppendUpper.Open(data, log);
    }

    /// <param name="Begin">Calls before it.</param>
    /// <param name="End">Calls when it was done.</param>
    /// <param name="Flushed">Of a flush: what is durable from its end on.</param>
    /// <param name="State">Of a write or discard: what holds after it.</param>
    private sealed record Step(int Begin, int End, int[]? Flushed, int[] State);
}
