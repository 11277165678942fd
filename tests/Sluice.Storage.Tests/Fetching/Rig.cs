using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Fetching;

/// <summary>A cache directory, a fetcher and a disk over a synthetic blob, with scripted sources.</summary>
internal sealed class Rig : IDisposable
{
    private readonly TemporaryDirectory? _temporary;

    public Rig(SyntheticBlob blob, FetchOptions? options = null, CacheOptions? cacheOptions = null, string? root = null, params ScriptedSource[] sources)
    {
        Blob = blob;
        Sources = sources.Length == 0 ? [new ScriptedSource(blob.Stored)] : sources;
        _temporary = root is null ? new TemporaryDirectory() : null;
        Root = root ?? _temporary!.Path;
        Directory = new CacheDirectory(Root, (cacheOptions ?? new CacheOptions()) with { Log = AddLog });
        Fetcher = new Fetcher((options ?? NoExtras) with { Log = AddLog });
        Disk = Open(blob);
    }

    /// <summary>Nothing is fetched that wasn't asked for, and nothing twice.</summary>
    public static FetchOptions NoExtras => new() { Amplification = 0, MaxReadAhead = 0, MergeGap = 0, HedgeShare = 0 };

    public SyntheticBlob Blob { get; }

    public ScriptedSource[] Sources { get; }

    public ScriptedSource Source => Sources[0];

    public string Root { get; }

    public CacheDirectory Directory { get; }

    public Fetcher Fetcher { get; }

    public FilesystemDisk Disk { get; }

    public List<string> Log { get; } = [];

    public string BlobDirectory => Path.Combine(Root, "sha256", Blob.Blob.Hex);

    public FilesystemDisk Open(SyntheticBlob blob, params IBlobSource[] sources) =>
        new(blob.Blob.Hex, new BlobReader(blob, Directory, Fetcher, sources.Length == 0 ? Sources : sources));

    /// <summary>Reads and compares with the blob's content.</summary>
    public async Task AssertReadAsync(long offset, int length) => await AssertReadAsync(Disk, Blob, offset, length);

    public static async Task AssertReadAsync(IDisk disk, SyntheticBlob blob, long offset, int length)
    {
        byte[] buffer = new byte[length];
        Assert.Equal(DiskError.None, await disk.ReadAsync(offset, buffer));
        Assert.True(blob.Content.AsSpan((int)offset, length).SequenceEqual(buffer), $"wrong bytes at {offset}+{length}");
    }

    public void Dispose()
    {
        Disk.Dispose();
        Fetcher.Dispose();
        Directory.Dispose();
        _temporary?.Dispose();
    }

    private void AddLog(string line)
    {
        lock (Log) Log.Add(line);
    }
}
