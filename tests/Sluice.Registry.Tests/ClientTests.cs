using System.Text.Json;
using Sluice.Formats.Oci;
using Sluice.Testing;

namespace Sluice.Registry.Tests;

/// <summary>skopeo and buildah push to the registry and pull from it.</summary>
public sealed class ClientTests
{
    [Fact]
    public async Task SkopeoPushesAndPulls()
    {
        Tool.Require("skopeo");
        using TemporaryDirectory directory = new();
        Digest digest = ImageLayout.Write(directory.File("in"), "v1", seed: 1);
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string image = $"docker://{registry.Host}/team/app:v1";
        await Tool.RunAsync("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", $"oci:{directory.File("in")}:v1", image);

        using JsonDocument inspected = JsonDocument.Parse(await Tool.RunAsync("skopeo", "inspect", "--tls-verify=false", image));
        Assert.Equal(digest.ToString(), inspected.RootElement.GetProperty("Digest").GetString());
        Assert.Contains("v1", await Tool.RunAsync("skopeo", "list-tags", "--tls-verify=false", $"docker://{registry.Host}/team/app"), StringComparison.Ordinal);

        await Tool.RunAsync("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", image, $"oci:{directory.File("out")}:v1");
        AssertSameBlobs(directory.File("in"), directory.File("out"));

        await Tool.RunAsync("skopeo", "delete", "--tls-verify=false", image);
        (int exitCode, _, string error) = await Tool.TryRunAsync("skopeo", "inspect", "--tls-verify=false", image);
        Assert.NotEqual(0, exitCode);
        Assert.Contains("manifest unknown", error, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task SkopeoCopiesBetweenRepositoriesWithAPassword()
    {
        Tool.Require("skopeo");
        using TemporaryDirectory directory = new();
        ImageLayout.Write(directory.File("in"), "v1", seed: 2);
        await using RunningRegistry registry = await RunningRegistry.StartAsync(options => options with { User = "ann", Password = "secret" });
        string source = $"oci:{directory.File("in")}:v1";
        string first = $"docker://{registry.Host}/first:v1";
        string second = $"docker://{registry.Host}/second/nested:v1";
        (int exitCode, _, string error) = await Tool.TryRunAsync("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", source, first);
        Assert.NotEqual(0, exitCode);
        Assert.Contains("authentication required", error, StringComparison.OrdinalIgnoreCase);

        await Tool.RunAsync("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-creds=ann:secret", source, first);
        await Tool.RunAsync(
            "skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--src-creds=ann:secret", "--dest-creds=ann:secret", first, second);
        await Tool.RunAsync("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "--src-creds=ann:secret", second, $"oci:{directory.File("out")}:v1");
        AssertSameBlobs(directory.File("in"), directory.File("out"));
    }

    [Fact]
    public async Task BuildahPullsAndPushes()
    {
        Tool.Require("buildah");
        Tool.Require("skopeo");
        if (!Environment.IsPrivilegedProcess) Assert.Skip("buildah needs root to keep image layers");
        using TemporaryDirectory directory = new();
        ImageLayout.Write(directory.File("in"), "v1", seed: 3);
        await using RunningRegistry registry = await RunningRegistry.StartAsync();
        string policy = directory.File("policy.json");
        await File.WriteAllTextAsync(policy, """{"default":[{"type":"insecureAcceptAnything"}]}""", TestContext.Current.CancellationToken);
        string[] storage = ["--root", directory.File("root"), "--runroot", directory.File("run"), "--storage-driver", "vfs"];
        string given = $"docker://{registry.Host}/given:v1";
        await Tool.RunAsync("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", $"oci:{directory.File("in")}:v1", given);
        await Tool.RunAsync("buildah", [.. storage, "pull", "--signature-policy", policy, "--tls-verify=false", given]);
        string id = (await Tool.RunAsync("buildah", [.. storage, "images", "-q"])).Trim();
        string image = $"{registry.Host}/built:v1";
        await Tool.RunAsync("buildah", [.. storage, "push", "--signature-policy", policy, "--tls-verify=false", id, $"docker://{image}"]);
        await Tool.RunAsync("buildah", [.. storage, "rmi", "--all", "--force"]);
        await Tool.RunAsync("buildah", [.. storage, "pull", "--signature-policy", policy, "--tls-verify=false", $"docker://{image}"]);
        Assert.Equal(id, (await Tool.RunAsync("buildah", [.. storage, "images", "-q"])).Trim());
    }

    private static void AssertSameBlobs(string expected, string actual) =>
        Assert.Equal(Blobs(expected), Blobs(actual));

    private static string[] Blobs(string layout) =>
        [.. Directory.GetFiles(Path.Combine(layout, "blobs", "sha256")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
