using System.Globalization;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

/// <summary>Everything that networks and registries do to a reader: it gets right bytes or one error, never wrong bytes.</summary>
public sealed class RegistryFaultTests : IAsyncDisposable
{
    private readonly SampleImage _image = new();
    private readonly StubRegistry _registry;

    public RegistryFaultTests() => _registry = new StubRegistry(_image);

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    public static TheoryData<string> Survivable => new(
        "delay", "stall", "silence", "reset", "reset at once", "truncate", "wrong range", "ignored range", "wrong length", "408", "429", "429 date", "500", "502", "503", "504", "truncate twice", "drip");

    [Theory]
    [MemberData(nameof(Survivable))]
    public async Task Ranges_survive(string name)
    {
        _registry.Proxy.Inject("/blobs/", Faults(name));
        await using IImageStore store = _registry.Open(name is "stall" or "silence" or "drip" ? StubRegistry.Impatient : StubRegistry.Quick);
        await ReadAsync(store, 50_000, 200_000);
        Assert.True(_registry.Proxy.IsUsedUp);
        await ReadAsync(store, 0, 10);
    }

    [Theory]
    [MemberData(nameof(Survivable))]
    public async Task Streams_survive(string name)
    {
        if (name == "wrong range") return;
        _registry.Proxy.Inject("/blobs/", Faults(name));
        await using IImageStore store = _registry.Open(name is "stall" or "silence" or "drip" ? StubRegistry.Impatient : StubRegistry.Quick);
        Assert.Equal(_image.Layer, await SampleImage.ReadAllAsync(store, _image.LayerDescriptor));
        Assert.True(_registry.Proxy.IsUsedUp);
    }

    [Fact]
    public async Task Streams_detect_wrong_bytes()
    {
        _registry.Proxy.Inject("/blobs/", Faults("wrong bytes"));
        await using IImageStore store = _registry.Open();
        await Assert.ThrowsAnyAsync<SluiceException>(() => SampleImage.ReadAllAsync(store, _image.LayerDescriptor));
        Assert.Equal(_image.Layer, await SampleImage.ReadAllAsync(store, _image.LayerDescriptor));
    }

    [Fact]
    public async Task Manifests_with_wrong_bytes_are_fetched_again()
    {
        _registry.Proxy.Inject("/manifests/", new Fault(FaultKind.WrongBytes), new Fault(FaultKind.Truncate) { AfterBytes = 20 });
        await using IImageStore store = _registry.Open();
        StoredManifest manifest = await store.GetManifestAsync(_image.Manifest.Digest.ToString(), default);
        Assert.True(manifest.Content.Span.SequenceEqual(_image.Manifest.Content.Span));
    }

    [Theory]
    [InlineData(400, SluiceError.Source)]
    [InlineData(401, SluiceError.Unauthorized)]
    [InlineData(403, SluiceError.Unauthorized)]
    [InlineData(404, SluiceError.NotFound)]
    [InlineData(416, SluiceError.Source)]
    public async Task Final_answers_are_not_asked_again(int status, SluiceError expected)
    {
        _registry.Proxy.Inject("/blobs/", Fault.Answer(status));
        await using IImageStore store = _registry.Open();
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store, 0, 10));
        Assert.Equal(expected, error.Error);
        Assert.Equal($"registry {_registry.Proxy.Authority}", error.Culprit);
        Assert.Contains("injected fault", error.Message, StringComparison.Ordinal);
        Assert.Single(_registry.Proxy.Requests);
    }

    [Fact]
    public async Task A_dead_registry_is_given_up()
    {
        _registry.Proxy.Always = _ => Fault.Answer(500);
        await using IImageStore store = _registry.Open();
        await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store, 0, 10));
        Assert.Equal(5, _registry.Proxy.Requests.Count);
    }

    [Fact]
    public async Task A_registry_that_always_breaks_off_is_given_up()
    {
        _registry.Proxy.Always = _ => new Fault(FaultKind.Reset) { AfterBytes = 1000 };
        await using IImageStore store = _registry.Open();
        await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store, 0, 200_000));
        Assert.InRange(_registry.Proxy.Requests.Count, 2, 20);
    }

    [Fact]
    public async Task A_wait_that_is_too_long_is_an_error()
    {
        _registry.Proxy.Inject("/blobs/", Fault.Answer(429, "3600"));
        await using IImageStore store = _registry.Open();
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store, 0, 10));
        Assert.Contains("too many requests", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirect_loops_end()
    {
        _registry.Proxy.Always = _ => new Fault(FaultKind.RedirectLoop);
        await using IImageStore store = _registry.Open();
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store, 0, 10));
        Assert.Contains("redirects", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/x")]
    [InlineData("file:///etc/passwd")]
    public async Task Strange_redirects_are_refused(string location)
    {
        _registry.Proxy.Inject("/blobs/", Fault.RedirectTo(location));
        await using IImageStore store = _registry.Open();
        await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store, 0, 10));
    }

    [Fact]
    public async Task A_location_is_kept_until_it_expires()
    {
        await using FaultProxy storage = new();
        string good = "/signed/1";
        storage.Respond = request => request.Path == good ? ProxyResponse.Content(request, _image.Layer) : new ProxyResponse(403, []);
        _registry.BlobLocation = _ => new Uri(storage.Address, good + "?X-Signature=very-secret").AbsoluteUri;
        await using IImageStore store = _registry.Open();
        for (int i = 0; i < 5; i++) await ReadAsync(store, i * 1000, 1000);
        Assert.Single(_registry.Proxy.Requests);
        good = "/signed/2";
        await ReadAsync(store, 7000, 1000);
        Assert.Equal(2, _registry.Proxy.Requests.Count);
        Assert.All(storage.Requests, request => Assert.Null(request.Header("Authorization")));
        good = "/signed/3";
        _registry.BlobLocation = _ => new Uri(storage.Address, "/gone?X-Signature=very-secret").AbsoluteUri;
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store, 0, 10));
        Assert.DoesNotContain("very-secret", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelling_ends_a_stalled_read()
    {
        _registry.Proxy.Inject("/blobs/", new Fault(FaultKind.Stall) { AfterBytes = 10 });
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { StallTimeout = TimeSpan.FromMinutes(5) });
        using CancellationTokenSource cancel = new();
        Task read = store.ReadAsync(_image.LayerDescriptor.Digest, 0, new byte[1000], cancel.Token);
        while (_registry.Proxy.Requests.IsEmpty) await Task.Delay(5);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_read_that_is_cancelled_tells_why_it_was_not_over(bool whileAsking)
    {
        Fault refused = Fault.Answer(503);
        if (whileAsking) _registry.Proxy.Inject("/blobs/", refused, new Fault(FaultKind.Silence));
        else _registry.Proxy.Always = _ => refused;
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { Attempts = 100 });
        using CancellationTokenSource cancel = new();
        Task read = store.ReadAsync(_image.LayerDescriptor.Digest, 0, new byte[1000], cancel.Token);
        while (_registry.Proxy.Requests.Count < 2) await Task.Delay(5);
        await cancel.CancelAsync();
        OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        Assert.Contains("status 503", cancelled.InnerException?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Seeded_storm_of_faults_never_gives_wrong_bytes()
    {
        Random random = new(42);
        string[] names = ["stall", "reset", "truncate", "wrong range", "ignored range", "500", "503", "429", "reset at once"];
        _registry.Proxy.Always = _ =>
        {
            lock (random) return random.Next(3) == 0 ? Faults(names[random.Next(names.Length)])[0] : null;
        };
        await using IImageStore store = _registry.Open(StubRegistry.Quick with { StallTimeout = TimeSpan.FromMilliseconds(100), Attempts = 8 });
        int right = 0;
        await Parallel.ForAsync(0, 60, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
        {
            try
            {
                await ReadAsync(store, i * 4000, 40_000);
                Interlocked.Increment(ref right);
            }
            catch (SluiceException)
            {
                // An error is allowed; wrong bytes fail the assertion inside ReadAsync.
            }
        });
        Assert.InRange(right, 20, 60);
    }

    internal static Fault[] Faults(string name) => name switch
    {
        "delay" => [new Fault(FaultKind.Delay)],
        "stall" => [new Fault(FaultKind.Stall) { AfterBytes = 1000 }],
        "silence" => [new Fault(FaultKind.Silence)],
        "reset" => [new Fault(FaultKind.Reset) { AfterBytes = 1000 }],
        "reset at once" => [new Fault(FaultKind.Reset)],
        "truncate" => [new Fault(FaultKind.Truncate) { AfterBytes = 1000 }],
        "truncate twice" => [new Fault(FaultKind.Truncate) { AfterBytes = 150_000 }, new Fault(FaultKind.Truncate)],
        "wrong bytes" => [new Fault(FaultKind.WrongBytes)],
        "wrong length" => [new Fault(FaultKind.WrongLength)],
        "wrong range" => [new Fault(FaultKind.WrongRange)],
        "ignored range" => [new Fault(FaultKind.IgnoreRange)],
        "429" => [Fault.Answer(429, "0")],
        "429 date" => [Fault.Answer(429, DateTimeOffset.UtcNow.ToString("r", CultureInfo.InvariantCulture))],
        "drip" => [new Fault(FaultKind.Drip) { AfterBytes = 100, Delay = TimeSpan.FromMilliseconds(30) }],
        _ => [Fault.Answer(int.Parse(name, CultureInfo.InvariantCulture))],
    };

    private async Task ReadAsync(IImageStore store, int offset, int length)
    {
        byte[] part = new byte[length];
        await store.ReadAsync(_image.LayerDescriptor.Digest, offset, part, default);
        Assert.True(part.AsSpan().SequenceEqual(_image.Layer.AsSpan(offset, length)), "wrong bytes");
    }
}
