using Sluice.Formats;
using Sluice.Node.Credentials;
using Sluice.Storage.Sources.Credentials;
using Sluice.Testing;

namespace Sluice.Node.Tests.Configuration;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class LoginMemoryTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void WhatWasWrittenIsReadAndNobodyElseMay()
    {
        string path = _directory.File("pull-logins");
        using LoginMemory memory = new(path);
        Assert.Empty(memory.Read());
        RegistryCredential login = new("me", new Secret("p\"w\n"), new Secret("identity"), new Secret("registry"));
        RememberedLogin entry = new("r.example:5000", "team/app", [login, RegistryCredential.Anonymous], DateTimeOffset.UnixEpoch);
        memory.Write(() => []);
        memory.Write(() => [entry]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        RememberedLogin read = Assert.Single(memory.Read());
        Assert.Equal((entry.Host, entry.Repository, entry.Used), (read.Host, read.Repository, read.Used));
        Assert.Equal(entry.Logins, read.Logins);
        Assert.True(IsLocked(path));
        memory.Remove();
        Assert.False(IsLocked(path));
        Assert.Empty(Directory.GetFiles(_directory.Path));
    }

    /// <summary>proc(5): each mapping with the file it shows, then its figures.</summary>
    private static bool IsLocked(string path) =>
        File.ReadLines("/proc/self/smaps").SkipWhile(line => !line.EndsWith(path, StringComparison.Ordinal)).FirstOrDefault(line => line.StartsWith("Locked:", StringComparison.Ordinal)) is { } locked
        && !locked.EndsWith(" 0 kB", StringComparison.Ordinal);

    [Theory]
    [InlineData("[{\"host\":\"h\"")]
    [InlineData("{}")]
    [InlineData("[{\"host\":\"h\",\"repository\":\"r\",\"used\":\"soon\",\"logins\":[]}]")]
    [InlineData("[{\"host\":\"h\",\"repository\":\"r\",\"used\":\"2026-01-01T00:00:00Z\",\"logins\":[[\"one\"]]}]")]
    public void WhatIsBrokenIsNothingAndGoes(string content)
    {
        string path = _directory.File("pull-logins");
        File.WriteAllText(path, content);
        using LoginMemory memory = new(path);
        Assert.Empty(memory.Read());
        Assert.False(File.Exists(path));
    }
}
