namespace Sluice.Formats.Tests;

public sealed class RedactionTests
{
    private const string S = "planted";

    [Theory]
    [InlineData($"https://me:{S}@host/v2/", "https://***@host/v2/")]
    [InlineData($"https://me:pa@{S}@host:5000/v2/ is away", "https://***@host:5000/v2/ is away")]
    [InlineData($"http://bucket/blob?X-Amz-Algorithm=a&X-Amz-Credential={S}%2Fx&X-Amz-Signature={S}", "http://bucket/blob?X-Amz-Algorithm=a&X-Amz-Credential=***&X-Amz-Signature=***")]
    [InlineData($"http://blob?se=2026&sp=r&sig={S}%3D'", "http://blob?se=2026&sp=r&sig=***'")]
    [InlineData($"GET /token?service=x&token={S}, then", "GET /token?service=x&token=***, then")]
    [InlineData($"grant_type=refresh_token&refresh_token={S}", "grant_type=refresh_token&refresh_token=***")]
    [InlineData($"Authorization: Bearer {S}.{S}.{S}", "Authorization: Bearer ***")]
    [InlineData($$"""{"auth": "{{S}}", "password":"{{S}}\"{{S}}", "access_token":"{{S}}"}""", """{"auth": "***", "password":"***", "access_token":"***"}""")]
    public void Secrets_are_taken_out(string text, string clean)
    {
        Assert.Equal(clean, Redaction.Clean(text));
        SluiceException error = new(SluiceError.Source, text, text, text);
        Assert.DoesNotContain(S, error.ToString() + error.Culprit + error.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("registry host:5000: blob sha256:abc: status 500")]
    [InlineData("Basic authentication is wanted, Bearer tokens are not")]
    [InlineData("docker://host/app@sha256:0123456789abcdef0123456789abcdef")]
    [InlineData("https://host/v2/app/blobs/sha256:abc?ns=docker.io&digest=sha256:abc")]
    [InlineData("mail me@example.com about \"token\" and a=b")]
    public void Other_texts_stay_as_they_are(string text) => Assert.Equal(text, Redaction.Clean(text));

    [Fact]
    public void A_secret_prints_as_nothing_but_a_mask()
    {
        Secret secret = new(S);
        Assert.Equal("***", $"{secret}");
        Assert.Equal(S, secret.Reveal());
        Assert.Equal("", $"{Secret.None}");
        Assert.True(Secret.None.IsEmpty && default(Secret) == new Secret("") && secret == new Secret(S) && secret != new Secret("x"));
        Assert.DoesNotContain(S, System.Text.Json.JsonSerializer.Serialize(new { secret }), StringComparison.Ordinal);
    }
}
