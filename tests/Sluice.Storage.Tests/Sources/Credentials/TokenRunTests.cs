using System.Diagnostics;
using System.Globalization;
using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Fetching;
using Sluice.Storage.Sources;
using Sluice.Storage.Tests.Fetching;
using Sluice.Storage.Tests.Sources.Faults;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources.Credentials;

/// <summary>
/// Tokens that last two seconds while one client reads all the time: no read fails. <c>SLUICE_TOKEN_SECONDS</c> makes it long
/// (<c>./bench.sh tokens</c>).
/// </summary>
public sealed class TokenRunTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Life = TimeSpan.FromSeconds(2);

    private static TimeSpan Run => TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("SLUICE_TOKEN_SECONDS") ?? "8", CultureInfo.InvariantCulture));

    /// <param name="said">The life that the token server promises; the true one is always two seconds.</param>
    [Theory]
    [InlineData(2)]
    [InlineData(300)]
    public async Task NoReadFailsWhileTokensExpire(int said)
    {
        FaultDisk content = FaultDisk.OfChunks(1);
        using TemporaryDirectory directory = new();
        await using FaultProxy tokens = new(), registry = new();
        (string Token, long Since) last = ("", 0);
        int issued = 0, refused = 0;
        Lock gate = new();
        tokens.Respond = request =>
        {
            if (request.Header("Authorization") != "Basic " + AskingRegistry.Base64("me:one")) return ProxyResponse.Json("{}", 401);
            lock (gate)
            {
                last = ($"token-{++issued}", Stopwatch.GetTimestamp());
                return ProxyResponse.Json($$"""{"token":"{{last.Token}}","expires_in":{{said}}}""");
            }
        };
        registry.Respond = request =>
        {
            lock (gate)
            {
                if (request.Header("Authorization") == $"Bearer {last.Token}" && Stopwatch.GetElapsedTime(last.Since) < Life) return content.Respond(request);
                refused++;
                return new ProxyResponse(401, []) { Headers = { ["WWW-Authenticate"] = $"Bearer realm=\"{new Uri(tokens.Address, "/token")}\",service=\"test\",error=\"invalid_token\"" } };
            }
        };
        string file = directory.File("auth.json");
        await File.WriteAllTextAsync(file, "{\"auths\":{\"" + registry.Authority + "\":{\"auth\":\"" + AskingRegistry.Base64("me:one") + "\"}}}");
        await using IImageStore store = ImageStores.Open(ImageReference.Parse($"{registry.Authority}/app"), StubRegistry.Quick with { AuthFile = file });

        long started = Stopwatch.GetTimestamp(), reads = 0;
        while (Stopwatch.GetElapsedTime(started) < Run)
        {
            using TemporaryDirectory root = new();
            using CacheDirectory cache = new(root.Path);
            using Fetcher fetcher = new(Rig.NoExtras);
            using IDisk disk = content.Open(cache, fetcher, store);
            await Task.WhenAll(Enumerable.Range(0, content.Pieces).Select(async piece =>
            {
                (long offset, byte[] expected) = content.Piece(piece);
                byte[] buffer = new byte[expected.Length];
                Assert.Equal(DiskError.None, await disk.ReadAsync(offset, buffer));
                Assert.Equal(expected, buffer);
                Interlocked.Increment(ref reads);
            }));
        }

        output.WriteLine($"{reads} reads, {issued} tokens, {refused} requests refused, 0 errors");
        Assert.True(issued >= Run.TotalSeconds / Life.TotalSeconds / 2, $"only {issued} tokens were wanted");
    }
}
