using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Sluice.Registry;

namespace Sluice.EndToEnd.Harness;

/// <summary>Our own registry in this process, which counts what is asked of it and can be away for a while.</summary>
internal sealed class TestRegistry : IAsyncDisposable
{
    private readonly string _directory;
    private readonly ConcurrentQueue<RegistryRequest> _requests = new();
    private IPEndPoint _listen = new(IPAddress.Loopback, 0);
    private RegistryServer? _server;

    private TestRegistry(string directory) => _directory = directory;

    /// <summary>Host and port as they stand in image references; the same after a restart.</summary>
    public string Host => $"127.0.0.1:{_listen.Port}";

    /// <summary>Asked for when set, with the password <c>secret</c>.</summary>
    public string? User { get; set; }

    public IReadOnlyList<RegistryRequest> Requests => [.. _requests];

    /// <summary>Requests for content of blobs since <see cref="Forget"/>.</summary>
    public IReadOnlyList<RegistryRequest> BlobReads => [.. _requests.Where(r => r.Method == "GET" && r.Path.Contains("/blobs/sha256:", StringComparison.Ordinal))];

    /// <summary>Bytes of blobs that were asked for by range: lazy reads, as opposed to whole blobs.</summary>
    public long RangedBytes => BlobReads.Where(read => read.Range is not null).Sum(read =>
    {
        string[] ends = read.Range!["bytes=".Length..].Split('-');
        return long.Parse(ends[1], CultureInfo.InvariantCulture) - long.Parse(ends[0], CultureInfo.InvariantCulture) + 1;
    });

    public static async Task<TestRegistry> StartAsync(string directory)
    {
        TestRegistry registry = new(directory);
        await registry.StartAsync();
        return registry;
    }

    public async Task StartAsync()
    {
        Assert.Null(_server);
        RegistryOptions options = new()
        {
            Directory = _directory,
            Listen = _listen,
            Durable = false,
            Observe = _requests.Enqueue,
            User = User,
            Password = User is null ? null : "secret",
        };
        _server = await RegistryServer.StartAsync(options, TestMachine.Cancellation);
        _listen = new IPEndPoint(IPAddress.Loopback, _server.Port);
    }

    public async Task StopAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _server = null;
    }

    public void Forget() => _requests.Clear();

    /// <summary>Path of a blob's file, to spoil it.</summary>
    public string BlobPath(string hex) =>
        Directory.EnumerateFiles(_directory, "*" + hex + "*", SearchOption.AllDirectories).Single(path => new FileInfo(path).Length > 0);

    public async ValueTask DisposeAsync() => await StopAsync();
}
