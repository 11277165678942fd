using Sluice.Kernel.Mounts;
using Sluice.Node.Doctor;
using Sluice.Node.Doctor.Facts;
using Sluice.Node.Tests.Support;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Node.Tests.Doctor;

public sealed class NodeDoctorTests
{
    public static TheoryData<string> Seeds => new(Misconfiguration.All.Select(seed => seed.Name));

    [Fact]
    public void A_healthy_node_has_no_finding()
    {
        using SeededNode node = new();
        DoctorReport report = node.Judge();
        Assert.Empty(report.Findings);
        Assert.True(report.IsHealthy);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void What_is_wrong_is_found_and_nothing_else(string name)
    {
        Misconfiguration seed = Misconfiguration.All.Single(seed => seed.Name == name);
        using SeededNode node = new();
        seed.Spoil(node);
        Finding finding = Assert.Single(node.Judge().Findings);
        Assert.Equal(seed.Id, finding.Id);
        Assert.Contains(seed.Mend, finding.Mend, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', finding.Mend);
        Assert.NotEmpty(finding.What);
        TestContext.Current.TestOutputHelper?.WriteLine($"{name} -> {finding.Id}");
    }

    [Fact]
    public void Mending_lines_for_containerds_file_mend_it()
    {
        foreach (Misconfiguration seed in Misconfiguration.All.Where(seed => seed.Id.StartsWith("cri-", StringComparison.Ordinal) || seed.Id.StartsWith("proxy-plugin", StringComparison.Ordinal)))
        {
            using SeededNode node = new();
            seed.Spoil(node);
            for (int round = 0; round < 2 && node.Judge().Findings is [{ } finding, ..]; round++) // who chooses the snapshotter is then asked for its annotations
            {
                string line = finding.Mend.Replace("/etc/containerd", node.Files.At("/etc/containerd"), StringComparison.Ordinal).Replace("&& systemctl restart containerd", "", StringComparison.Ordinal);
                using var shell = System.Diagnostics.Process.Start("/bin/sh", ["-c", line]);
                shell.WaitForExit();
                Assert.Equal(0, shell.ExitCode);
            }

            Assert.True(node.Judge().Findings is [], $"{seed.Name}:\n{node.Files.Text(SeededNode.ContainerdFile)}");
        }
    }

    [Fact]
    public void Mounts_and_loops_of_a_daemon_that_has_gone_are_found_unless_a_keeper_holds_them()
    {
        using SeededNode node = new();
        node.Remove("/run/sluice/admin.sock");
        node.Remove("/proc/100");
        node.Write("/sys/block/loop7/loop/backing_file", "/run/sluice/disks/abc\n");
        node.Facts = node.Facts with { Daemon = null, Mounts = [.. node.Facts.Mounts, SeededNode.Mount(8, "/run/sluice/images/0123", "erofs", "/var/lib/sluice/images/0123/image.boot")] };
        Assert.Equal(["daemon-not-running"], node.Judge().Findings.Select(finding => finding.Id));
        node.Facts = node.Facts with { KeeperRuns = false };
        Assert.Equal(["daemon-not-running", "mount-left-over", "loop-left-over"], node.Judge().Findings.Select(finding => finding.Id));
        node.Write("/run/sluice/mounted/0123.json", """{ "key": "0123", "reference": "r", "manifest": "m", "target": "/run/sluice/images/0123", "isLocal": true, "mount": { "id": 3, "major": 0, "minor": 48, "source": "/var/lib/sluice/images/0123/image.boot" } }""");
        Assert.Equal(["daemon-not-running", "loop-left-over"], node.Judge().Findings.Select(finding => finding.Id));
    }

    [Fact]
    public void A_mirror_that_is_away_is_a_warning_while_another_host_answers()
    {
        using SeededNode node = new();
        HostAnswer mirror = new("mirror:443", true, null, HostTrouble.Unreachable, "connection refused");
        node.Facts = node.Facts with { Registries = [new RegistryFacts("r.example", [mirror, new HostAnswer("r.example:443", false, null)])] };
        Assert.Equal(Severity.Warning, Assert.Single(node.Judge().Findings).Severity);
    }

    [Fact]
    public void A_runtime_class_may_have_the_snapshotter_of_its_own()
    {
        using SeededNode node = new();
        node.Replace(SeededNode.ContainerdFile, "snapshotter = \"sluice\"", "runtimes.lazy.snapshotter = \"sluice\"");
        Assert.Empty(node.Judge().Findings);
    }

    [Fact]
    public async Task This_machine_can_be_looked_at_without_a_daemon()
    {
        using var directory = new Testing.TemporaryDirectory();
        DoctorReport report = await NodeDoctor.RunAsync(
            new DoctorOptions { Node = new() { Root = directory.File("root"), State = directory.File("state") }, Containerd = directory.File("containerd.sock"), ContainerdConfiguration = directory.File("config.toml"), Network = false },
            TestContext.Current.CancellationToken);
        Assert.False(report.DaemonRunning);
        Assert.DoesNotContain(report.Findings, finding => finding.Id == "check-failed");
        if (Environment.IsPrivilegedProcess) Assert.Contains(report.Findings, finding => finding.Id == "daemon-not-running" && finding.Subject == directory.File("state/admin.sock"));
        Assert.False(Directory.Exists(directory.File("root")));
    }

    [Fact]
    public void Every_finding_is_in_the_book_of_symptoms()
    {
        string book = Repository.Read("docs/troubleshooting.md");
        Assert.All(Misconfiguration.All.Select(seed => seed.Id).Distinct(), id => Assert.Contains($"`{id}`", book, StringComparison.Ordinal));
    }
}
