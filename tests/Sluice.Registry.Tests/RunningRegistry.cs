using System.Net;
using System.Text;
using System.Text.Json;
using Sluice.Formats.Oci;
using Sluice.Testing;

namespace Sluice.Registry.Tests;

/// <summary>A registry over a temporary directory, and a client that speaks plain HTTP to it.</summary>
internal sealed class RunningRegistry : IAsyncDisposable
{
    private readonly TemporaryDirectory? _owned;
    private readonly HttpClient _client;

    private RunningRegistry(RegistryServer server, string directory, TemporaryDirectory? owned)
    {
        Server = server;
        Directory = directory;
        _owned = owned;
        _client = new HttpClient { BaseAddress = server.Address };
    }

    public RegistryServer Server { get; }

    public string Directory { get; }

    public string Host => Server.Host;

    public static async Task<RunningRegistry> StartAsync(Func<RegistryOptions, RegistryOptions>? change = null, string? directory = null)
    {
        TemporaryDirectory? owned = directory is null ? new TemporaryDirectory() : null;
        directory ??= owned!.File("registry");
        RegistryOptions options = new() { Directory = directory, Listen = new IPEndPoint(IPAddress.Loopback, 0), Durable = false };
        try
        {
            RegistryServer server = await RegistryServer.StartAsync(change?.Invoke(options) ?? options, TestContext.Current.CancellationToken);
            return new RunningRegistry(server, directory, owned);
        }
        catch
        {
            owned?.Dispose();
            throw;
        }
    }

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, byte[]? body = null, params (string Name, string Value)[] headers)
    {
        HttpRequestMessage request = new(method, path);
        if (body is not null) request.Content = new ByteArrayContent(body);
        foreach ((string name, string value) in headers)
        {
            if (name is "Content-Type" or "Content-Range") request.Content!.Headers.TryAddWithoutValidation(name, value);
            else request.Headers.TryAddWithoutValidation(name, value);
        }

        return _client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    public Task<HttpResponseMessage> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Get, path, null, headers);

    public async Task<Digest> PushBlobAsync(string repository, byte[] content)
    {
        Digest digest = Digest.Sha256(content);
        HttpResponseMessage response = await SendAsync(HttpMethod.Post, $"/v2/{repository}/blobs/uploads/?digest={digest}", content);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return digest;
    }

    public Task<HttpResponseMessage> PutManifestAsync(string repository, string reference, string json, string type = MediaTypes.OciManifest) =>
        SendAsync(HttpMethod.Put, $"/v2/{repository}/manifests/{reference}", Encoding.UTF8.GetBytes(json), ("Content-Type", type));

    /// <summary>Pushes an image of one layer under a tag.</summary>
    /// <param name="fields">More fields of the manifest, each followed by a comma.</param>
    public async Task<Digest> PushImageAsync(string repository, string tag, string layer = "layer", string fields = "")
    {
        string json = await MakeManifestAsync(repository, layer, fields);
        HttpResponseMessage response = await PutManifestAsync(repository, tag, json);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return Digest.Sha256(Encoding.UTF8.GetBytes(json));
    }

    /// <summary>A manifest whose blobs have been pushed.</summary>
    public async Task<string> MakeManifestAsync(string repository, string layer = "layer", string fields = "")
    {
        Digest config = await PushBlobAsync(repository, "{}"u8.ToArray());
        Digest content = await PushBlobAsync(repository, Encoding.UTF8.GetBytes(layer));
        return $$"""
            {"schemaVersion":2,"mediaType":"{{MediaTypes.OciManifest}}",{{fields}}
             "config":{"mediaType":"{{MediaTypes.OciConfig}}","digest":"{{config}}","size":2},
             "layers":[{"mediaType":"{{MediaTypes.OciLayer}}","digest":"{{content}}","size":{{layer.Length}}}]}
            """;
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await Server.DisposeAsync();
        _owned?.Dispose();
    }
}

internal static class ResponseAssertions
{
    public static string? Header(this HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? values) || response.Content.Headers.TryGetValues(name, out values)
            ? string.Join(", ", values)
            : null;

    public static Task<byte[]> BytesAsync(this HttpResponseMessage response) =>
        response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);

    public static async Task<JsonElement> JsonAsync(this HttpResponseMessage response)
    {
        using JsonDocument document = JsonDocument.Parse(await response.BytesAsync());
        return document.RootElement.Clone();
    }

    public static async Task<string[]> StringsAsync(this HttpResponseMessage response, string field) =>
        [.. (await response.JsonAsync()).GetProperty(field).EnumerateArray().Select(e => e.GetString()!)];

    /// <summary>The answer is an error of the specification's form.</summary>
    public static async Task FailsAsync(this Task<HttpResponseMessage> request, int status, string code)
    {
        HttpResponseMessage response = await request;
        string body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode} {body}");
        JsonElement error = Assert.Single((await response.JsonAsync()).GetProperty("errors").EnumerateArray());
        Assert.Equal(code, error.GetProperty("code").GetString());
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
    }

    public static async Task SucceedsAsync(this Task<HttpResponseMessage> request, int status) =>
        Assert.Equal(status, (int)(await request).StatusCode);
}
