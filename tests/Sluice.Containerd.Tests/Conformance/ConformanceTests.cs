using System.Security.Cryptography;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Containerd.Tests.Runtime;
using Sluice.Testing;
using Sluice.Testing.Runtime;

namespace Sluice.Containerd.Tests.Conformance;

/// <summary>containerd's own snapshotter test suite, compiled from the sources that the distribution installs, is the judge.</summary>
public sealed class ConformanceTests
{
    private const int SubTests = 21;
    private const string GoPath = "/usr/share/gocode";

    [Fact]
    public async Task Containerds_own_suite_passes()
    {
        Command.RequireRoot();
        string go = Command.Require("go");
        if (!Directory.Exists(GoPath + "/src/github.com/containerd/containerd/snapshots/testsuite")) Assert.Skip("containerd's Go sources are not installed");
        string suite = await CompileAsync(go);
        using TemporaryDirectory directory = new();
        List<SnapshotterServer> servers = [];
        try
        {
            for (int i = 0; i < SubTests; i++)
            {
                SnapshotterOptions options = new() { Root = directory.File($"root-{i}"), RemoveLater = i % 2 == 1 };
                servers.Add(await SnapshotterServer.StartAsync(
                    options, new NoLazyImages(), new GrpcServerOptions { SocketPath = directory.File($"{i}.sock") }, null, TestContext.Current.CancellationToken));
            }

            (int exitCode, string output) = await Command.RunAsync(
                suite, ["-test.v", "-test.timeout=120s"], new Dictionary<string, string?> { ["SLUICE_SOCKETS"] = directory.Path });
            Assert.True(exitCode == 0, output);

            // The suite itself skips Rename, for every snapshotter.
            Assert.True(Count(output, "    --- PASS: TestSnapshotter/") == SubTests - 1, output);
            Assert.True(Count(output, "    --- SKIP: TestSnapshotter/Rename") == 1, output);
        }
        finally
        {
            foreach (SnapshotterServer server in servers) await server.DisposeAsync();
        }
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    /// <summary>Compiles once (about a minute) and keeps the result beside the test's own binaries.</summary>
    private static async Task<string> CompileAsync(string go)
    {
        string source = Path.Combine(AppContext.BaseDirectory, "Conformance", "suite_test.go");
        string hash = Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(source)))[..16];
        string binary = Path.Combine(AppContext.BaseDirectory, $"conformance-{hash}");
        if (File.Exists(binary)) return binary;
        using TemporaryDirectory cache = new();
        Dictionary<string, string?> environment = new()
        {
            ["GO111MODULE"] = "off",
            ["GOFLAGS"] = "",
            ["GOPATH"] = GoPath,
            ["GOCACHE"] = cache.File("go"),
        };
        (int exitCode, string output) = await Command.RunAsync(go, ["test", "-c", "-o", binary + ".new", "."], environment, Path.GetDirectoryName(source));
        Assert.True(exitCode == 0, output);
        File.Move(binary + ".new", binary, overwrite: true);
        return binary;
    }
}
