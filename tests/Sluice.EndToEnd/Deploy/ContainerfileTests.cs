using System.Text.Json;
using System.Text.RegularExpressions;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Deploy;

/// <summary>
/// The image of the DaemonSets, by its text: what it takes and starts is what <c>./build.sh --deb</c> makes, and what the manifests run is in it. It is not built here: that takes a registry for
/// its base and minutes.
/// </summary>
public sealed partial class ContainerfileTests
{
    private static readonly string[] Lines = [.. File.ReadAllText(Repository.File("deploy/Containerfile")).Replace("\\\n", " ", StringComparison.Ordinal).Split('\n').Where(line => line.Length > 0 && line[0] != '#')];

    [Fact]
    public async Task What_is_copied_and_installed_is_the_package_of_the_build()
    {
        string package = await DebianPackage.BuildAsync();
        string[] copy = Words("COPY");
        Assert.Equal(2, copy.Length);
        Assert.Equal(Path.GetFileName(package), Assert.Single(Directory.GetFiles(Path.GetDirectoryName(package)!, copy[0]), file => !file.Contains(DebianPackage.LaterVersion, StringComparison.Ordinal)).Split('/')[^1]);
        string run = string.Join(' ', Words("RUN"));
        Assert.Matches($@"apt-get update .*apt-get install --yes --no-install-recommends {Regex.Escape(copy[1])} ", run);
        Assert.Contains($"rm -rf {copy[1]} ", run, StringComparison.Ordinal);

        // It is built in the directory that has the package: the comment says how.
        Assert.Matches("(?m)^# .*./build.sh --deb && buildah build .*-f deploy/Containerfile artifacts$", await File.ReadAllTextAsync(Repository.File("deploy/Containerfile"), TestContext.Current.CancellationToken));
        Assert.Equal("artifacts", Path.GetFileName(Path.GetDirectoryName(package)));
    }

    [Fact]
    public async Task What_the_image_and_the_manifests_start_is_in_the_package()
    {
        (int exitCode, string listed) = await Command.RunAsync("dpkg-deb", ["-c", await DebianPackage.BuildAsync()]);
        Assert.True(exitCode == 0, listed);
        HashSet<string> files = [.. listed.Split('\n').Where(line => line.Length > 0).Select(line => line.Split(" ./")[^1].Split(" -> ")[0])];
        string[] command = JsonSerializer.Deserialize<string[]>(string.Join(' ', Words("CMD")))!;
        Assert.Equal("[]", Assert.Single(Words("ENTRYPOINT"))); // a base's own would stand before the commands of the manifests
        Assert.Equal(["sluice", "daemon"], command);
        string manifests = await File.ReadAllTextAsync(Repository.File("deploy/kubernetes/sluice.yaml"), TestContext.Current.CancellationToken);
        string[][] started = [command, .. Commands().Matches(manifests).Select(match => JsonSerializer.Deserialize<string[]>(match.Groups[1].Value)!)];
        Assert.True(started.Length > 3);
        foreach (string program in started.Select(words => words[0] == "/bin/sh" ? words[^1] : words[0]).Distinct())
            Assert.Contains(program[0] == '/' ? program[1..] : "usr/bin/" + program, files);
    }

    [Fact]
    public async Task What_the_package_needs_has_a_stock_base()
    {
        Assert.Equal("BASE=docker.io/library/debian:12-slim", Assert.Single(Words("ARG")));
        Assert.Equal("${BASE}", Assert.Single(Words("FROM")));
        (int exitCode, string tools) = await Command.RunAsync("dpkg-deb", ["-f", await DebianPackage.BuildAsync(), "Recommends"]);
        Assert.True(exitCode == 0, tools);

        // Recommendations are not installed: what containers with disks of their own take is named.
        if (tools.Contains("e2fsprogs", StringComparison.Ordinal)) Assert.Contains("e2fsprogs", Words("RUN"));
    }

    private static string[] Words(string instruction) =>
        Assert.Single(Lines, line => line.StartsWith(instruction + " ", StringComparison.Ordinal))[(instruction.Length + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);

    [GeneratedRegex(@"command: (\[.*\])")]
    private static partial Regex Commands();
}
