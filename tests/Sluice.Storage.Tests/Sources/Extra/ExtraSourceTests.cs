using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Extra;
using Sluice.Storage.Sources.Places;
using Sluice.Storage.Sources.Registries;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources.Extra;

/// <summary>What is special about each extra source, and their place beside the registry.</summary>
public sealed class ExtraSourceTests : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly SampleImage _image = new();
    private readonly StubBucket _bucket = new();
    private readonly StubRegistry _registry;
    private readonly RegistryConnections _connections = new(StubRegistry.Quick);

    public ExtraSourceTests()
    {
        _registry = new StubRegistry(_image);
        Directory.CreateDirectory(Nas);
    }

    private string Nas => _directory.File("nas");

    private string Credentials => _directory.File("credentials");

    private ExtraSourceOptions NasOptions => new() { Kind = ExtraSourceKind.Directory, Path = Nas };

    private ExtraSourceOptions BucketOptions => new() { Kind = ExtraSourceKind.S3, Address = _bucket.Proxy.Address, Bucket = "b", CredentialsFile = Credentials };

    public async ValueTask DisposeAsync()
    {
        _connections.Dispose();
        await _registry.DisposeAsync();
        await _bucket.DisposeAsync();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(ExtraSourceOrder.First, 0)]
    [InlineData(ExtraSourceOrder.Last, 1)]
    public async Task The_order_says_who_is_asked_first(ExtraSourceOrder order, int asked)
    {
        Fill(_image.Layer);
        await using IImageStore store = OpenStore(NasOptions with { Order = order });
        await ReadAsync(store);
        Assert.Equal(asked, _registry.Proxy.Requests.Count);
        Assert.Equal(order == ExtraSourceOrder.First ? [$"directory {Nas}", RegistryName] : [RegistryName, $"directory {Nas}"], store.Sources.Select(source => source.Name));
    }

    [Theory]
    [InlineData("*", true)]
    [InlineData("127.0.0.1:*", true)]
    [InlineData("*/r", true)]
    [InlineData("*/team/*", false)]
    [InlineData("ghcr.io", false)]
    public async Task Patterns_say_for_which_images(string pattern, bool fits)
    {
        await using IImageStore store = OpenStore(NasOptions with { Images = ["nowhere.test/*", pattern] });
        Assert.Equal(fits ? 2 : 1, store.Sources.Count);
    }

    [Fact]
    public async Task Wrong_bytes_of_a_whole_blob_are_fetched_elsewhere()
    {
        Fill(new byte[_image.Layer.Length]);
        await using IImageStore store = OpenStore(NasOptions);
        byte[] whole = await WholeBlob.FetchAsync(
            store, _image.LayerDescriptor,
            async stream =>
            {
                using MemoryStream copy = new();
                await stream.CopyToAsync(copy);
                return copy.ToArray();
            },
            default);
        Assert.Equal(_image.Layer, whole);
        Assert.True(store.Sources[0].Place!.Distrusts(_image.LayerDescriptor.Digest));
    }

    [Fact]
    public async Task A_registry_that_is_away_is_not_missed_while_another_has_the_blob()
    {
        Fill(_image.Layer);
        _registry.Proxy.Always = static _ => new Fault(FaultKind.Reset);
        await using IImageStore store = OpenStore(NasOptions with { Order = ExtraSourceOrder.Last }, StubRegistry.Quick with { Attempts = 1 });
        await ReadAsync(store);
        int asked = _registry.Proxy.Requests.Count;
        await ReadAsync(store); // it rests now
        Assert.InRange(_registry.Proxy.Requests.Count, 1, asked + 1);
    }

    [Fact]
    public async Task What_the_registry_says_is_told_when_nobody_has_the_blob()
    {
        await using IImageStore store = OpenStore(NasOptions);
        _registry.Proxy.Inject("/blobs/", Fault.Answer(403));
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(store));
        Assert.Equal((SluiceError.Unauthorized, RegistryName), (error.Error, error.Culprit));
    }

    [Fact]
    public async Task A_directory_that_is_not_mounted_may_come_back()
    {
        Directory.Delete(Nas);
        await using IBlobSource source = OpenSource(NasOptions);
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(source));
        Assert.NotNull(error.MayPassIn);
        Assert.Equal("is it mounted?", error.Hint);
    }

    [Fact]
    public async Task Keys_may_be_rotated_and_refusals_say_what_to_do()
    {
        _bucket.Put($"/b/sha256/{_image.LayerDescriptor.Digest.Hex}", _image.Layer);
        WriteKeys("wrong", null);
        await using IBlobSource source = OpenSource(BucketOptions);
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(source));
        Assert.Equal(SluiceError.Unauthorized, error.Error);
        Assert.Contains("SignatureDoesNotMatch", error.Message, StringComparison.Ordinal);
        Assert.Contains("secret", error.Hint, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", error.ToString(), StringComparison.Ordinal);

        _bucket.SessionToken = "a session";
        WriteKeys(_bucket.Secret, "a session");
        await ReadAsync(source);
        File.Delete(Credentials);
        Assert.Equal(SluiceError.Configuration, (await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(source))).Error);
    }

    [Fact]
    public async Task A_public_bucket_needs_no_keys()
    {
        _bucket.IsPrivate = false;
        _bucket.Put($"/b/sha256/{_image.LayerDescriptor.Digest.Hex}", _image.Layer);
        await using IBlobSource source = OpenSource(BucketOptions with { CredentialsFile = null });
        await ReadAsync(source);
    }

    [Fact]
    public async Task A_store_that_asks_for_less_gets_a_pause()
    {
        WriteKeys(_bucket.Secret, null);
        _bucket.Proxy.Inject("GET", Fault.Answer(503, "7"));
        await using IBlobSource source = OpenSource(BucketOptions);
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(source));
        Assert.Equal(TimeSpan.FromSeconds(7), error.MayPassIn);
        Assert.Equal(PlaceState.HeldBack, source.Place!.Health.State);
    }

    [Theory]
    [InlineData("reset", true)]
    [InlineData("truncate", true)]
    [InlineData("500", true)]
    [InlineData("wrong range", false)]
    [InlineData("ignored range", false)]
    [InlineData("redirect", false)]
    public async Task Failures_are_told_apart(string kind, bool mayPass)
    {
        WriteKeys(_bucket.Secret, null);
        _bucket.Put($"/b/sha256/{_image.LayerDescriptor.Digest.Hex}", _image.Layer);
        _bucket.Proxy.Inject("GET", kind switch
        {
            "reset" => new Fault(FaultKind.Reset) { AfterBytes = 5 },
            "truncate" => new Fault(FaultKind.Truncate) { AfterBytes = 5 },
            "500" => Fault.Answer(500),
            "wrong range" => new Fault(FaultKind.WrongRange),
            "ignored range" => new Fault(FaultKind.IgnoreRange),
            _ => Fault.RedirectTo("http://127.0.0.1:1/"),
        });
        await using IBlobSource source = OpenSource(BucketOptions);
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(source));
        Assert.Equal(source.Name, error.Culprit);
        Assert.Equal(mayPass, error.MayPassIn is not null);
        await ReadAsync(source);
    }

    [Fact]
    public async Task A_silent_server_is_given_up()
    {
        WriteKeys(_bucket.Secret, null);
        _bucket.Proxy.Inject("GET", new Fault(FaultKind.Silence));
        await using IBlobSource source = ExtraSource.Open(BucketOptions, StubRegistry.Impatient, _connections);
        Assert.Equal(SluiceError.Timeout, (await Assert.ThrowsAnyAsync<SluiceException>(() => ReadAsync(source))).Error);
    }

    private string RegistryName => $"registry {_registry.Proxy.Authority}";

    private IImageStore OpenStore(ExtraSourceOptions extra, SourceOptions? options = null) => _registry.Open((options ?? StubRegistry.Quick) with { ExtraSources = [extra] });

    private IBlobSource OpenSource(ExtraSourceOptions options) => ExtraSource.Open(options, StubRegistry.Quick, _connections);

    private async Task ReadAsync(IBlobSource source)
    {
        byte[] part = new byte[1000];
        await source.ReadAsync(_image.LayerDescriptor.Digest, 100, part, default);
        Assert.Equal(_image.Layer[100..1100], part);
    }

    private void Fill(byte[] content)
    {
        Directory.CreateDirectory(Path.Combine(Nas, "sha256"));
        File.WriteAllBytes(Path.Combine(Nas, "sha256", _image.LayerDescriptor.Digest.Hex), content);
    }

    private void WriteKeys(string secret, string? token) => File.WriteAllText(
        Credentials, $"[other]\naws_access_key_id=x\n[default]\n# a comment\naws_access_key_id = {StubBucket.AccessKey}\naws_secret_access_key={secret}\n{(token is null ? "" : $"aws_session_token = {token}\n")}");
}
