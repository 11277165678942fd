using Sluice.Storage.Sources.Credentials;

namespace Sluice.Storage.Tests.Sources.Credentials;

public sealed class RepositoryPatternTests
{
    [Theory]
    [InlineData("example.com", "example.com", "team/app", true)]
    [InlineData("https://example.com/v1/", "example.com", "team/app", true)]
    [InlineData("https://example.com/v2/", "example.com:443", "team/app", true)]
    [InlineData("example.com", "example.com:5000", "team/app", false)]
    [InlineData("example.com:5000", "example.com:5000", "team/app", true)]
    [InlineData("example.com:5000", "example.com", "team/app", false)]
    [InlineData("example.com/team", "example.com", "team/app", true)]
    [InlineData("example.com/team/app", "example.com", "team/app", true)]
    [InlineData("example.com/te", "example.com", "team/app", false)]
    [InlineData("example.com/team/app/deeper", "example.com", "team/app", false)]
    [InlineData("EXAMPLE.com", "example.com", "team/app", true)]
    [InlineData("https://index.docker.io/v1/", "docker.io", "library/alpine", true)]
    [InlineData("registry-1.docker.io", "docker.io", "library/alpine", true)]
    [InlineData("docker.io/library", "docker.io", "library/alpine", true)]
    [InlineData("index.docker.io", "example.com", "library/alpine", false)]
    [InlineData("*.example.com", "eu.example.com", "app", true)]
    [InlineData("*.example.com", "example.com", "app", false)]
    [InlineData("*.example.com", "a.b.example.com", "app", false)]
    [InlineData("*.*.example.com:8080/path", "a.b.example.com:8080", "path/app", true)]
    [InlineData("eu-*.example.com", "eu-1.example.com", "app", true)]
    [InlineData("*", "example", "app", true)]
    [InlineData("*", "example.com", "app", false)]
    [InlineData("[::1]:5000", "[::1]:5000", "app", true)]
    public void A_pattern_matches_what_the_kubelet_and_docker_mean(string pattern, string host, string path, bool matches) =>
        Assert.Equal(matches, RepositoryPattern.Parse(pattern).Matches(new RepositoryName(host, path)));

    [Theory]
    [InlineData("12h", 43200.0)]
    [InlineData("1h30m5s", 5405.0)]
    [InlineData("0", 0.0)]
    [InlineData("0s", 0.0)]
    [InlineData("1.5s", 1.5)]
    [InlineData("250ms", 0.25)]
    [InlineData("", null)]
    [InlineData("-1s", null)]
    [InlineData("10", null)]
    [InlineData("1h ", null)]
    [InlineData("999999999h", null)]
    public void Durations_are_those_of_Kubernetes(string text, double? seconds) => Assert.Equal(seconds, GoDuration.Parse(text)?.TotalSeconds);
}
