using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Cache;

/// <summary>Room for files beside the chunks.</summary>
public sealed class ReservationTests : IDisposable
{
    private readonly TemporaryDirectory _root = new();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData(long.MaxValue, false)]
    [InlineData(long.MaxValue - 4096, true)]
    [InlineData(1L << 62, false)]
    [InlineData(1L << 62, true)]
    public void ASizeThatNoDiskHasIsRefused(long size, bool limited)
    {
        using CacheDirectory directory = new(_root.Path, new CacheOptions { Quota = limited ? DiskShare.OfBytes(1 << 20) : default });
        long used = directory.Counters.UsedBytes;
        Assert.False(directory.TryReserve(size, out long reserved));
        Assert.Equal((0, used), (reserved, directory.Counters.UsedBytes));
        Assert.True(directory.TryReserve(1000, out reserved));
        directory.EndReservation(Digest.Sha256([]), reserved);
        Assert.Equal(used, directory.Counters.UsedBytes);
    }

    [Fact]
    public void WhatAKilledProcessHadBegunIsDeleted()
    {
        string directory = Directory.CreateDirectory(Path.Combine(_root.Path, "sha256", Digest.Sha256([]).Hex)).FullName;
        foreach (string name in (string[])["unfinished-1", $"blob.{Guid.NewGuid():n}", "blob"]) File.WriteAllText(Path.Combine(directory, name), name);
        using CacheDirectory opened = new(_root.Path);
        Assert.Equal(["blob"], Directory.GetFiles(directory).Select(Path.GetFileName));
    }

    [Fact]
    public async Task AMeasurementUnderWayDoesNotBringAnOldLimitBack()
    {
        CacheOptions none = new(), limited = new() { Quota = DiskShare.OfBytes(1 << 20) };
        CacheSpace space = new(_root.Path, none, () => { });
        for (int round = 0; round < 300; round++)
        {
            space.Apply(limited);
            Task measuring = Task.Run(space.Measure, TestContext.Current.CancellationToken);
            space.Apply(none);
            await measuring;
            Assert.Equal(long.MaxValue, space.Limit);
        }
    }
}
