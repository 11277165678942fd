using System.Collections.Concurrent;
using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Sources;
using Sluice.Storage.Tests.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources.Faults;

/// <summary>One disk over the real read path: disk, cache, fetcher, registry client, HTTP; and behind it a registry that misbehaves on request.</summary>
internal sealed class FaultRig : IAsyncDisposable
{
    private readonly TemporaryDirectory _temporary = new();
    private readonly FaultDisk _content;
    private readonly FaultProxy _proxy = new();
    private readonly Fetcher _fetcher;
    private readonly CacheDirectory _directory;
    private readonly IImageStore _store;
    private readonly IDisk _disk;
    private readonly ConcurrentQueue<string> _log = new();

    private FaultRig(FaultDisk content, FaultCase kind)
    {
        _content = content;
        _proxy.Respond = content.Respond;
        Places = new FaultPlaces(content.Respond);
        string hosts = _temporary.File($"certs.d/{_proxy.Authority}");
        System.IO.Directory.CreateDirectory(hosts);
        File.WriteAllText(Path.Combine(hosts, "ca.crt"), TestCertificates.Authority);
        File.WriteAllText(Path.Combine(hosts, "hosts.toml"), $"server = \"{_proxy.Address}\"\nca = \"ca.crt\"\n");
        SourceOptions sources = new() { HostDirectories = [_temporary.File("certs.d")], AuthFile = "/dev/null", FirstDelay = TimeSpan.FromMilliseconds(1), Attempts = 3, LongestDelay = TimeSpan.FromMilliseconds(100) };
        FetchOptions fetch = Rig.NoExtras with { RetryDelay = TimeSpan.FromMilliseconds(20), Log = _log.Enqueue };
        if (kind.Reason is not null)
        {
            // What does no harm must do none on a slow machine either; what ends in an error may do so soon.
            fetch = fetch with { RequestDeadline = TimeSpan.FromSeconds(1.5), AttemptTimeout = TimeSpan.FromSeconds(0.7) };
            sources = sources with { StallTimeout = TimeSpan.FromSeconds(0.3), ConnectTimeout = TimeSpan.FromSeconds(0.3) };
        }

        _store = ImageStores.Open(ImageReference.Parse($"{_proxy.Authority}/app"), sources);
        _fetcher = new Fetcher(fetch);
        _directory = new CacheDirectory(_temporary.File("cache"));
        _disk = content.Open(_directory, _fetcher, _store);
    }

    public FaultPlaces Places { get; }

    public string Authority => _proxy.Authority;

    public string Log => string.Join('\n', _log);

    public static FaultRig Open(FaultDisk content, FaultCase kind) => new(content, kind);

    public void Spoil(Func<Fault?>? fault) => _proxy.Always = fault is null ? null : request => request.Method == "GET" && request.Path.Contains("/blobs/", StringComparison.Ordinal) ? fault() : null;

    /// <summary>Reads some of the disk's pieces and compares.</summary>
    /// <returns>How many could be read.</returns>
    public async Task<int> ReadAsync(IEnumerable<int> pieces)
    {
        bool[] read = await Task.WhenAll(pieces.Select(piece => Task.Run(() => ReadAsync(_disk, piece))));
        return read.Count(ok => ok);
    }

    /// <summary>With the registry well again, and a client that has patience: everything is right, and nothing wrong was kept.</summary>
    public async Task ReadAllRightAsync()
    {
        Spoil(null);
        using Fetcher patient = new(Rig.NoExtras);
        await using IImageStore store = ImageStores.Open(ImageReference.Parse($"{_proxy.Authority}/app"), StubRegistry.Quick);
        using IDisk disk = _content.Open(_directory, patient, store);
        foreach (int piece in Enumerable.Range(0, _content.Pieces)) Assert.True(await ReadAsync(disk, piece), $"piece {piece} can't be read from a registry that is well\n{Log}");
    }

    public async ValueTask DisposeAsync()
    {
        _disk.Dispose();
        _fetcher.Dispose();
        await _store.DisposeAsync();
        _directory.Dispose();
        await _proxy.DisposeAsync();
        await Places.DisposeAsync();
        _temporary.Dispose();
    }

    private async Task<bool> ReadAsync(IDisk disk, int piece)
    {
        (long offset, byte[] expected) = _content.Piece(piece);
        byte[] buffer = new byte[expected.Length];
        if (!disk.TryRead(offset, buffer) && await disk.ReadAsync(offset, buffer) != DiskError.None) return false;
        Assert.True(expected.AsSpan().SequenceEqual(buffer), $"wrong bytes in piece {piece}\n{Log}");
        return true;
    }
}
