using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Sources.Extra;
using Sluice.Storage.Sources.Registries;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources.Extra;

/// <summary>
/// A real object store, where <c>SLUICE_TEST_S3</c> names one: <c>ENDPOINT BUCKET ACCESS-KEY SECRET FILE</c>, with the file's content in the bucket
/// as <c>of all/sha256/HEX</c>.
/// </summary>
public sealed class RealObjectStoreTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly RegistryConnections _connections = new(StubRegistry.Quick);

    public void Dispose()
    {
        _connections.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task It_takes_the_signatures()
    {
        if (Environment.GetEnvironmentVariable("SLUICE_TEST_S3")?.Split(' ') is not [var endpoint, var bucket, var access, var secret, var file])
        {
            Assert.Skip("SLUICE_TEST_S3 names no object store");
            return;
        }

        byte[] content = await File.ReadAllBytesAsync(file);
        Digest blob = Digest.Sha256(content);
        ExtraSourceOptions options = new()
        {
            Kind = ExtraSourceKind.S3,
            Address = new Uri(endpoint),
            Bucket = bucket,
            Prefix = "of all/",
            CredentialsFile = _directory.File("keys"),
        };
        WriteKeys(access, secret);
        await using IBlobSource source = ExtraSource.Open(options, StubRegistry.Quick, _connections);
        byte[] part = new byte[5000];
        await source.ReadAsync(blob, 1234, part, default);
        Assert.Equal(content[1234..6234], part);
        byte[] whole = new byte[content.Length];
        await source.ReadAsync(blob, 0, whole, default);
        Assert.Equal(content, whole);
        SluiceException missing = await Assert.ThrowsAnyAsync<SluiceException>(() => source.ReadAsync(Digest.Sha256([1]), 0, part, default));
        Assert.Equal(SluiceError.NotFound, missing.Error);
        WriteKeys(access, secret + "x");
        SluiceException refused = await Assert.ThrowsAnyAsync<SluiceException>(() => source.ReadAsync(blob, 0, part, default));
        Assert.Equal(SluiceError.Unauthorized, refused.Error);
        Assert.Contains("SignatureDoesNotMatch", refused.Message, StringComparison.Ordinal);
    }

    private void WriteKeys(string access, string secret) => File.WriteAllText(_directory.File("keys"), $"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n");
}
