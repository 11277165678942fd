using System.Runtime.InteropServices;
using Sluice.Storage.Cache;
using Sluice.Storage.Tests.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Cache;

/// <summary>A cache directory on a file system of 1 MiB.</summary>
public sealed partial class FullDiskTests
{
    [Fact]
    public async Task AFullDiskMeansReadingThrough()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("mounting a tmpfs needs root");
        using TemporaryDirectory directory = new();
        Assert.Equal(0, Mount("none", directory.Path, "tmpfs", 0, "size=1m"));
        try
        {
            ManualTime time = new();
            SyntheticBlob blob = SyntheticBlob.Create(1, 64, 65536);
            using Rig rig = new(blob, Rig.NoExtras with { Time = time }, new CacheOptions { Time = time }, directory.Path);
            await rig.AssertReadAsync(0, blob.Content.Length);
            await rig.AssertReadAsync(0, blob.Content.Length);
            Assert.True(rig.Fetcher.Counters.Unstored > 0);
            Assert.True(rig.Disk.Reader.Cache.VerifiedChunks < 64);
            Assert.Null(rig.Disk.CompleteFile);
            Assert.Single(rig.Log);

            Assert.Equal(0, Mount("none", directory.Path, "tmpfs", 32 /* MS_REMOUNT */, "size=16m"));
            time.Advance(TimeSpan.FromSeconds(2));
            await rig.AssertReadAsync(0, blob.Content.Length);
            Assert.NotNull(rig.Disk.CompleteFile);
            Assert.Contains(rig.Log, line => line.EndsWith("storing again", StringComparison.Ordinal));
        }
        finally
        {
            _ = Unmount(directory.Path, 2 /* MNT_DETACH */);
        }
    }

    [Fact]
    public async Task ADiskThatTakesNoFilesMeansReadingThrough()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("mounting a tmpfs needs root");
        using TemporaryDirectory directory = new();
        Assert.Equal(0, Mount("none", directory.Path, "tmpfs", 0, "size=64k,nr_inodes=3")); // the root, the lock, one more
        try
        {
            SyntheticBlob blob = SyntheticBlob.Create(1, 64, maxMembers: 2, vary: true);
            using Rig rig = new(blob, root: directory.Path);
            await rig.AssertReadAsync(0, blob.Content.Length);
            await rig.AssertReadAsync(0, blob.Content.Length);
            Assert.Single(rig.Log);
            Assert.Null(rig.Disk.CompleteFile);
        }
        finally
        {
            _ = Unmount(directory.Path, 2 /* MNT_DETACH */);
        }
    }

    [Fact]
    public async Task WhatCameAlongIsNotAskedForAgain()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("mounting a tmpfs needs root");
        using TemporaryDirectory directory = new();
        Assert.Equal(0, Mount("none", directory.Path, "tmpfs", 0, "size=64k,nr_inodes=3"));
        try
        {
            ManualTime time = new();
            SyntheticBlob blob = SyntheticBlob.Create(1, 64);
            using Rig rig = new(blob, Rig.NoExtras with { Time = time, Amplification = 16 << 10 }, root: directory.Path);
            await rig.AssertReadAsync(0, 4096);
            await rig.AssertReadAsync(4096, 4096);
            await rig.AssertReadAsync(0, 8192);
            Assert.Single(rig.Source.Requests);
            Assert.NotEqual(0, rig.Fetcher.GetActivity().BytesInFlight);

            time.Advance(TimeSpan.FromSeconds(2)); // the disk may have come back
            await rig.AssertReadAsync(0, 4096);
            Assert.Equal(2, rig.Source.Requests.Count);

            rig.Disk.Dispose();
            Assert.Equal(0, rig.Fetcher.GetActivity().BytesInFlight);
        }
        finally
        {
            _ = Unmount(directory.Path, 2 /* MNT_DETACH */);
        }
    }

    [Fact]
    public async Task WhatIsKeptOfItIsBounded()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("mounting a tmpfs needs root");
        using TemporaryDirectory directory = new();
        Assert.Equal(0, Mount("none", directory.Path, "tmpfs", 0, "size=64k,nr_inodes=3"));
        try
        {
            SyntheticBlob blob = SyntheticBlob.Create(1, 64, 65536);
            using Rig rig = new(blob, Rig.NoExtras with { Time = new ManualTime(), MemoryInFlight = 1 << 20 }, root: directory.Path);
            for (int chunk = 0; chunk < 64; chunk++) await rig.AssertReadAsync(chunk * 65536, 65536);
            Assert.InRange(rig.Fetcher.GetActivity().BytesInFlight, 1, (1 << 20) / 4);
            await rig.AssertReadAsync(0, blob.Content.Length);
        }
        finally
        {
            _ = Unmount(directory.Path, 2 /* MNT_DETACH */);
        }
    }

    [LibraryImport("libc", EntryPoint = "mount", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, nuint flags, string data);

    [LibraryImport("libc", EntryPoint = "umount2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);
}
