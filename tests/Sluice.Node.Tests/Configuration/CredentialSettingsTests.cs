using Sluice.Containerd.Cri;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Node.Configuration;
using Sluice.Node.Credentials;
using Sluice.Storage.Sources.Credentials;
using Sluice.Testing;

namespace Sluice.Node.Tests.Configuration;

public sealed class CredentialSettingsTests : IDisposable
{
    private const string Name = "/etc/sluice/test.yaml";

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_section_is_read()
    {
        NodeOptions options = ConfigurationFile.Parse("credentials:\n  secrets: [/a, /b]\n  cri:\n    containerd: /run/c.sock\n    forget_after_hours: 2\n", Name);
        Assert.Equal(["/a", "/b"], options.Sources.Credentials.SecretFiles);
        Assert.Equal(("/run/c.sock", TimeSpan.FromHours(2)), (options.ImageServiceOf, options.PullLoginLife));
        Assert.Equal(["/one"], ConfigurationFile.Parse("credentials: { secrets: /one }", Name).Sources.Credentials.SecretFiles);
        Assert.Equal("", ConfigurationFile.Parse("credentials:\n", Name).ImageServiceOf);
    }

    [Theory]
    [InlineData("credentials: { secret: /a }")]
    [InlineData("credentials: { secrets: [a] }")]
    [InlineData("credentials: { cri: { containerd: c.sock } }")]
    [InlineData("credentials: { cri: { forget_after_hours: 0 } }")]
    [InlineData("credentials: { cri: true }")]
    [InlineData("credentials: { providers: { config: /a } }")]
    [InlineData("credentials: { providers: { config: /missing, directory: /missing } }")]
    public void Wrong_settings_are_named(string text) => Assert.Equal(SluiceError.Configuration, Assert.Throws<SluiceException>(() => ConfigurationFile.Parse(text, Name)).Error);

    [Fact]
    public void The_kubelets_file_is_read()
    {
        string file = _directory.File("providers.yaml"), programs = _directory.Path;
        File.WriteAllText(_directory.File("ecr"), "");
        File.WriteAllText(file, """
            apiVersion: kubelet.config.k8s.io/v1
            kind: CredentialProviderConfig
            providers:
              - name: ecr
                matchImages: ["*.dkr.ecr.*.amazonaws.com", "registry.example:5000/team"]
                defaultCacheDuration: "12h"
                apiVersion: credentialprovider.kubelet.k8s.io/v1
                args: [get, --verbose]
                env:
                  - name: AWS_PROFILE
                    value: node
              - name: pod-identity
                matchImages: ["*.example"]
                apiVersion: credentialprovider.kubelet.k8s.io/v1
                tokenAttributes: { requireServiceAccount: true }
            """);
        CredentialProvider provider = Assert.Single(CredentialProviderFile.Read(file, programs).Providers);
        Assert.Equal(_directory.File("ecr"), provider.Program);
        Assert.Equal(TimeSpan.FromHours(12), provider.DefaultCacheDuration);
        Assert.Equal(["get", "--verbose"], provider.Arguments);
        Assert.Equal([new("AWS_PROFILE", "node")], provider.Environment);
        Assert.Equal(2, provider.MatchImages.Count);
    }

    [Theory]
    [InlineData("kind: Pod")]
    [InlineData("[")]
    [InlineData("kind: CredentialProviderConfig\nproviders: [{ name: ../evil, matchImages: [x], apiVersion: credentialprovider.kubelet.k8s.io/v1 }]")]
    [InlineData("kind: CredentialProviderConfig\nproviders: [{ name: missing, matchImages: [x], apiVersion: credentialprovider.kubelet.k8s.io/v1 }]")]
    [InlineData("kind: CredentialProviderConfig\nproviders: [{ name: there, matchImages: [x], apiVersion: v1 }]")]
    [InlineData("kind: CredentialProviderConfig\nproviders: [{ name: there, apiVersion: credentialprovider.kubelet.k8s.io/v1 }]")]
    [InlineData("kind: CredentialProviderConfig\nproviders: [{ name: there, matchImages: [x], defaultCacheDuration: soon, apiVersion: credentialprovider.kubelet.k8s.io/v1 }]")]
    public void A_wrong_file_of_the_kubelet_is_named(string text)
    {
        string file = _directory.File("providers.yaml");
        File.WriteAllText(_directory.File("there"), "");
        File.WriteAllText(file, text);
        SluiceException error = Assert.Throws<SluiceException>(() => CredentialProviderFile.Read(file, _directory.Path));
        Assert.StartsWith(file, error.Culprit, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("user", "pass", "", "", "login of user")]
    [InlineData("", "", "dXNlcjpwYXNz", "", "login of user")]
    [InlineData("user", "pass", "", "registry.example", "login of user")]
    [InlineData("user", "pass", "", "https://registry.example/v2/", "login of user")]
    [InlineData("user", "pass", "", "other.example", null)]
    [InlineData("", "", "", "", null)]
    [InlineData("", "", "!", "", null)]
    public void The_login_of_a_pull_is_taken_for_the_images_own_registry(string user, string password, string auth, string server, string? login)
    {
        PullLogin pull = new("registry.example/app:v1", user, new(password), new(auth), server, Secret.None, Secret.None);
        Assert.Equal(login, PullLogins.Login(pull, ImageReference.Parse(pull.Image))?.ToString());
    }
}
