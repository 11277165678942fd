using System.Diagnostics;
using System.Security.Cryptography;
using Sluice.EndToEnd.Harness;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Blocks;

/// <summary>Writable disks whose process is killed.</summary>
public sealed class WritableFaultTests
{
    /// <summary>Writes files for ever; one that is durable is named, with its digest, on standard output.</summary>
    private const string Writer = """
        i=0
        while :; do
            head -c $((RANDOM * 60 + 1)) /dev/urandom > "w$1-$i" && sync "w$1-$i" && sync . && sha256sum "w$1-$i" || exit 1
            i=$((i + 1))
        done
        """;

    [Theory]
    [InlineData("append")]
    [InlineData("sparse")]
    public async Task A_killed_process_loses_nothing_that_was_synced(string kind)
    {
        TestMachine.RequireMounts();
        Command.Require("e2fsck");
        using Workspace workspace = new();
        Dictionary<string, string> durable = [];
        for (int round = 0; round < 3; round++)
        {
            await using MountedImage image = await WritableImage.MountAsync(workspace, round == 0 ? kind : null);
            AssertThere(image, durable);
            using Process writer = StartWriter(image, round);
            int wanted = durable.Count + 15 + (round * 9);
            while (durable.Count < wanted && await writer.StandardOutput.ReadLineAsync(TestMachine.Cancellation) is { } line) durable[line[66..]] = line[..64];
            await WritableImage.KillAsync(image);
            while (await writer.StandardOutput.ReadLineAsync(TestMachine.Cancellation) is { } line) durable[line[66..]] = line[..64];
            Assert.True(durable.Count >= wanted);
        }

        await using MountedImage last = await WritableImage.MountAsync(workspace);
        AssertThere(last, durable);
        Assert.Contains("e2fsck -p ended with", File.ReadAllText(workspace.File("mnt-state/log")), StringComparison.Ordinal);
        await WritableImage.AssertCleanAsync(last);
        await last.UnmountAsync();
    }

    private static Process StartWriter(MountedImage image, int number) =>
        Process.Start(new ProcessStartInfo("/bin/bash", ["-c", Writer, "writer", $"{number}"]) { WorkingDirectory = image.Directory, RedirectStandardOutput = true, RedirectStandardError = true })!;

    private static void AssertThere(MountedImage image, Dictionary<string, string> durable)
    {
        foreach ((string name, string digest) in durable)
        {
            using FileStream file = File.OpenRead(Path.Combine(image.Directory, name));
            Assert.Equal(digest, Convert.ToHexStringLower(SHA256.HashData(file)));
        }
    }
}
