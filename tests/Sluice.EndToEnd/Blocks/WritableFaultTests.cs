using System.Diagnostics;
using System.Security.Cryptography;
using Sluice.EndToEnd.Harness;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Blocks;

/// <summary>Writable disks whose process is killed, whose local disk is full, or whose writers are short of memory.</summary>
[Collection(AloneCollection.Name)]
public sealed class WritableFaultTests
{
    private const string Cgroups = "/sys/fs/cgroup/memory";

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
            await WritableImage.KillAsync(workspace, image);
            while (await writer.StandardOutput.ReadLineAsync(TestMachine.Cancellation) is { } line) durable[line[66..]] = line[..64];
            Assert.True(durable.Count >= wanted);
        }

        await using MountedImage last = await WritableImage.MountAsync(workspace);
        AssertThere(last, durable);
        Assert.Contains("e2fsck -p ended with", File.ReadAllText(workspace.File("mnt-state/log")), StringComparison.Ordinal);
        await WritableImage.AssertCleanAsync(last);
        await last.UnmountAsync();
    }

    [Theory]
    [InlineData("append")]
    [InlineData("sparse")]
    public async Task A_full_disk_fails_writes_and_loses_nothing_that_was_synced(string kind)
    {
        TestMachine.RequireMounts();
        Command.Require("e2fsck");
        using Workspace workspace = new();
        string small = workspace.MakeDirectory("small"), file = workspace.File("small.ext4"), upper = Path.Combine(small, "upper");
        (int made, string refused) = await Command.RunAsync("/bin/bash", ["-c", $"set -e; truncate -s 96M {file}; mkfs.ext4 -q -m 0 {file}; mount -o loop {file} {small}; head -c 30000000 /dev/zero > {small}/ballast; sync {small}/ballast"]);
        Assert.True(made == 0, refused);
        Dictionary<string, string> durable = [];
        await using (MountedImage image = await WritableImage.MountAsync(workspace, kind, upper))
        {
            using Process writer = StartWriter(image, 0);
            while (await writer.StandardOutput.ReadLineAsync(TestMachine.Cancellation) is { } line) durable[line[66..]] = line[..64];
            Assert.Contains("No space left on device", await writer.StandardError.ReadToEndAsync(TestMachine.Cancellation), StringComparison.Ordinal);
            Assert.True(durable.Count > 5);
            AssertThere(image, durable);

            await WritableImage.ShellAsync(image, "echo 3 > /proc/sys/vm/drop_caches");
            AssertThere(image, durable);

            // The root directory gets an index and other blocks, of which only some would fit.
            await WritableImage.ShellAsync(image, "for i in $(seq 3000); do mkdir d$i && echo $i > d$i/file || break; done; ! sync d1/file");
            await image.UnmountAsync();
        }

        File.Delete(Path.Combine(small, "ballast"));
        await using MountedImage again = await WritableImage.MountAsync(workspace, upper: upper);
        AssertThere(again, durable);
        await WritableImage.ShellAsync(again, "head -c 5000000 /dev/urandom > more; sync more");
        await WritableImage.AssertCleanAsync(again);
        await again.UnmountAsync();
    }

    /// <summary>The writer alone is in a small cgroup: with cgroup v1 and without CAP_SYS_RESOURCE a server in one may deadlock (docs/architecture.md).</summary>
    [Theory]
    [InlineData("append")]
    [InlineData("sparse")]
    public async Task Writers_get_on_when_memory_is_short(string kind)
    {
        TestMachine.RequireMounts();
        Command.Require("fio");
        if (!File.Exists($"{Cgroups}/memory.limit_in_bytes")) Assert.Skip("needs the memory controller of cgroup v1");
        using Workspace workspace = new();
        string group = $"{Cgroups}/{Path.GetFileName(workspace.Root)}";
        Directory.CreateDirectory(group);
        try
        {
            File.WriteAllText($"{group}/memory.limit_in_bytes", "48M");
            await using MountedImage image = await WritableImage.MountAsync(workspace, kind);

            // It has less memory than it writes; a hog beside it takes half of that, and the caches, the server's among them, are dropped all the while.
            Task written = WritableImage.ShellAsync(image, $$"""
                echo $$ > {{group}}/cgroup.procs
                (while :; do head -c 24000000 /dev/zero | tail -c 24000000 > /dev/null; done) & hog=$!
                (while :; do echo 1 > /proc/sys/vm/drop_caches; sleep 0.2; done) & drop=$!
                trap 'kill $hog $drop' EXIT
                fio --minimal --output=/dev/null --name=a --rw=randwrite --bs=4k --size=64m --fsync=256 --verify=crc32c --verify_fatal=1 --ioengine=psync --directory=. --randseed=7
                fio --minimal --output=/dev/null --name=b --rw=write --bs=256k --size=192m --end_fsync=1 --verify=crc32c --verify_fatal=1 --ioengine=psync --directory=. --randseed=7
                """);
            await Task.WhenAny(written, Task.Delay(TimeSpan.FromMinutes(2), TestMachine.Cancellation));
            Assert.True(written.IsCompleted, "the writers are stuck");
            await written;
            await WritableImage.AssertCleanAsync(image);
            await image.UnmountAsync();
        }
        finally
        {
            await Command.RunAsync("/bin/bash", ["-c", $"xargs -r kill -9 < {group}/cgroup.procs"]);
            await TestMachine.UntilAsync(() => File.ReadAllText($"{group}/cgroup.procs").Length == 0, "the cgroup is empty");
            Directory.Delete(group);
        }
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
