using System.Diagnostics;
using Sluice.Storage.Cache;
using Sluice.Storage.Tests.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Cache;

/// <summary>A process that fills a cache is killed at some point; the next one finds nothing wrong in what it left.</summary>
public sealed class KilledProcessTests
{
    private const string RootVariable = "SLUICE_TEST_CACHE_TO_FILL";

    [Fact]
    public async Task WhatAKilledProcessLeavesIsRight()
    {
        SyntheticBlob blob = NewBlob();
        Random random = new(1);
        for (int round = 0; round < 3; round++)
        {
            using TemporaryDirectory root = new();
            await FillAndKillAsync(root.Path, random.Next(1, 300));
            using Rig rig = new(blob, root: root.Path);
            long present = rig.Disk.Reader.Cache.PresentChunks;
            await rig.AssertReadAsync(0, blob.Content.Length);
            Assert.Equal(present, rig.Fetcher.Counters.Checks);
            Assert.Equal(0, rig.Fetcher.Counters.Corruptions); // the kernel lives: nothing that was written is lost
        }
    }

    /// <summary>The process to kill: reads chunk after chunk while the map is flushed all the time, then waits.</summary>
    [Fact]
    public async Task FillsACacheUntilKilled()
    {
        if (Environment.GetEnvironmentVariable(RootVariable) is not { } root) return;
        SyntheticBlob blob = NewBlob();
        using Rig rig = new(blob, cacheOptions: new CacheOptions { FlushInterval = TimeSpan.FromMilliseconds(1) }, root: root);
        using FileStream progress = new(Path.Combine(root, "progress"), FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        Random random = new(Environment.ProcessId);
        int[] order = [.. Enumerable.Range(0, blob.Count)];
        random.Shuffle(order);
        foreach (int chunk in order)
        {
            await rig.AssertReadAsync(blob.GetExtent(chunk).Offset, 1);
            progress.WriteByte(1);
        }

        await Task.Delay(Timeout.Infinite);
    }

    private static SyntheticBlob NewBlob() => SyntheticBlob.Create(1, 400, 8192);

    private static async Task FillAndKillAsync(string root, int chunks)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!, ["-noLogo", "-method", $"{typeof(KilledProcessTests).FullName}.{nameof(FillsACacheUntilKilled)}"])
        {
            RedirectStandardOutput = true,
            Environment = { [RootVariable] = root },
        };
        using Process child = Process.Start(start)!;
        try
        {
            string progress = Path.Combine(root, "progress");
            while (!File.Exists(progress) || new FileInfo(progress).Length < chunks)
            {
                Assert.False(child.HasExited, "the child ended by itself");
                await Task.Delay(1);
            }
        }
        finally
        {
            child.Kill();
            await child.WaitForExitAsync();
        }
    }
}
