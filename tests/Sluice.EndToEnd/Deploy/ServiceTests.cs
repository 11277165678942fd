using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Deploy;

/// <summary>The package with a real systemd, containerd and runc: what is shipped, as it is shipped.</summary>
[Collection(AloneCollection.Name)]
public sealed partial class ServiceTests
{
    private const string Writer = "writer";

    [Fact]
    public async Task Services_run_containers_and_outlive_upgrades_until_they_are_purged()
    {
        await using TestRegistryWithImages registry = await TestRegistryWithImages.StartAsync();
        await using Machine machine = await InstalledAsync();
        await machine.RunAsync("systemctl is-active sluice sluice-keeper && systemctl is-enabled sluice");
        await machine.RunAsync("systemd-analyze verify --man=no /lib/systemd/system/sluice.service /lib/systemd/system/sluice-keeper.service");
        Assert.Equal("", await machine.RunAsync("systemctl --failed --no-legend"));

        // The daemon in a mount namespace of its own, where it can't write what it need not, the keeper in that of the node; with few rights, and heard by nobody.
        await machine.RunAsync("namespace() { readlink /proc/$(systemctl show -P MainPID $1)/ns/mnt; }; [ $(namespace sluice-keeper) = $(readlink /proc/1/ns/mnt) ] && [ $(namespace sluice) != $(readlink /proc/1/ns/mnt) ]");
        await machine.RunAsync("daemon=$(systemctl show -P MainPID sluice); ! nsenter -t $daemon -m touch /usr/bin/it 2>&1 && nsenter -t $daemon -m touch /var/lib/sluice/it && rm /var/lib/sluice/it");
        Assert.Equal("0000000000000000", await machine.RunAsync("sed -n 's/^CapEff:.//p' /proc/$(systemctl show -P MainPID sluice-keeper)/status | tr -d '\\n'"));

        foreach (string image in registry.Images)
        {
            await machine.RunAsync($"sluice pull {image}");
            Assert.StartsWith(OrdinaryImage.DataSha256(seed: 1), await machine.RunAsync(Run(image, "--rm", "first", "/bin/sh -c 'cat /data/* | sha256sum'")), StringComparison.Ordinal);
            await machine.RunAsync(Run(image, "-d", Name(image), "/bin/sleep 100000"));
        }

        string keeperMemory = await machine.RunAsync("sed -n 's/^VmRSS:\\s*//p' /proc/$(systemctl show -P MainPID sluice-keeper)/status"); // KiB
        Assert.InRange(int.Parse(keeperMemory.Split(' ')[0], CultureInfo.InvariantCulture), 1, 30 << 10);

        // Containers keep the package from being removed.
        (int exitCode, string refused) = await machine.TryAsync("dpkg -r sluice");
        Assert.NotEqual(0, exitCode);
        Assert.Contains("containers are using images", refused, StringComparison.Ordinal);
        await machine.RunAsync("systemctl is-active sluice sluice-keeper && dpkg --audit");
        foreach (string image in registry.Images) await machine.RunAsync($"ctr tasks rm --force {Name(image)}; ctr containers rm {Name(image)}");

        // An upgrade is a new daemon; the keeper stays.
        string before = await machine.RunAsync("systemctl show -P MainPID sluice sluice-keeper");
        await machine.RunAsync($"dpkg -i {await machine.BringAsync(await DebianPackage.BuildLaterAsync())}");
        await machine.RunAsync("systemctl is-active sluice sluice-keeper");
        string after = await machine.RunAsync("systemctl show -P MainPID sluice sluice-keeper");
        string[] then = before.Split('\n', StringSplitOptions.RemoveEmptyEntries), now = after.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEqual(then[0], now[0]);
        Assert.Equal(then[1], now[1]);

        // Whatever kills the daemon's whole cgroup spares the keeper, and systemd starts the next daemon.
        await machine.RunAsync("systemctl kill --kill-whom=all --signal=KILL sluice");
        await machine.UntilAsync($"systemctl is-active --quiet sluice && [ $(systemctl show -P MainPID sluice) != {now[0]} ]", "the next daemon is ready");
        Assert.Equal(now[1], (await machine.RunAsync("systemctl show -P MainPID sluice-keeper")).Trim());
        await machine.UntilAsync("ctr snapshots --snapshotter sluice ls", "containerd has found the next daemon");
        foreach (string image in registry.Images)
        {
            Assert.StartsWith(OrdinaryImage.DataSha256(seed: 1), await machine.RunAsync(Run(image, "--rm", "later", "/bin/sh -c 'cat /data/* | sha256sum'")), StringComparison.Ordinal);
        }

        await machine.RunAsync("dpkg -P sluice");
        Assert.Equal("", await machine.RunAsync("pgrep -x sluice || true; grep /run/sluice /proc/mounts || true; systemctl list-units --all --no-legend 'sluice*'"));
        Assert.Equal("", await machine.RunAsync("find / -xdev -iname '*sluice*' -not -path '/root/*' -not -path '/proc/*'; find /var/lib /run -iname '*sluice*' -not -path '/var/lib/apt/*' -not -path '/var/lib/containerd/*'"));
    }

    /// <summary>All that the shipped units can do to the daemon, while containers of both formats read all the time, not from the page cache, and one writes to a disk of its own.</summary>
    [Fact]
    public async Task Containers_go_on_while_the_daemon_is_restarted_killed_upgraded_and_away()
    {
        await using TestRegistryWithImages registry = await TestRegistryWithImages.StartAsync();
        await using Machine machine = await InstalledAsync();
        string later = await machine.BringAsync(await DebianPackage.BuildLaterAsync());
        await StartLoadAsync(machine, registry);
        string keeper = await machine.RunAsync("systemctl show -P MainPID sluice-keeper");
        foreach (string blow in (string[])["true", "systemctl restart sluice", "systemctl kill --kill-whom=all --signal=KILL sluice", $"dpkg -i {later}", "systemctl kill --signal=KILL sluice", "systemctl stop sluice && rm -r /var/lib/sluice/cache/sha256 && systemctl start sluice"])
        {
            string daemon = blow == "true" ? "0" : (await machine.RunAsync("systemctl show -P MainPID sluice")).Trim();
            string[] before = await Task.WhenAll(registry.Images.Select(image => PassesAsync(machine, image)));
            await machine.RunAsync("other=/run/other-$(date +%s%N) && mkdir $other && mount -t tmpfs other $other"); // the next daemon's mount namespace numbers all mounts otherwise
            await machine.RunAsync(blow);
            await machine.UntilAsync($"systemctl is-active --quiet sluice && [ $(systemctl show -P MainPID sluice) != {daemon} ]", $"a daemon after {blow}");
            foreach ((string image, string passes) in registry.Images.Zip(before)) await machine.UntilAsync($"[ $(wc -l < {LogOf(image)}) -gt {int.Parse(passes, CultureInfo.InvariantCulture) + 2} ]", $"{image} reads after {blow}");
        }

        await machine.RunAsync("rm /run/forgetting");
        Assert.Equal(keeper, await machine.RunAsync("systemctl show -P MainPID sluice-keeper"));
        Assert.Equal("", await machine.RunAsync($"cp {LogOfTask(Writer)} /root/written; seq $(wc -l < /root/written) | diff - /root/written | head"));
        await machine.RunAsync($"ctr tasks rm --force {Writer}; ctr containers rm {Writer}");
        foreach (string image in registry.Images)
        {
            Assert.Equal(OrdinaryImage.DataSha256(seed: 1) + "  -\n", await machine.RunAsync($"sort -u {LogOf(image)}"));
            await machine.RunAsync($"ctr tasks rm --force {Name(image)}; ctr containers rm {Name(image)}");
        }

        await machine.RunAsync("dpkg -r sluice");
        Assert.Equal("", await machine.RunAsync("pgrep -x sluice || true; grep /run/sluice /proc/mounts || true"));
    }

    private static async Task<string> PassesAsync(Machine machine, string image) => (await machine.RunAsync($"cat {LogOf(image)} 2>/dev/null | wc -l")).Trim();

    private static string LogOf(string image) => LogOfTask(Name(image));

    private static string LogOfTask(string task) => $"/run/containerd/io.containerd.runtime.v2.task/default/{task}/rootfs/log";

    /// <summary>Why the daemon mounts where its keeper is: what the units' comments say of systemd, asked of systemd.</summary>
    [Fact]
    public async Task Mounts_of_a_service_with_its_own_namespace_never_come_out()
    {
        await using Machine machine = await Machine.BootAsync();
        await machine.WriteAsync("/root/probe", """
            #!/bin/sh
            # The rest of the line is directives. Prints whether the mount of such a service is seen outside.
            { echo '[Service]'; echo Type=oneshot; echo RemainAfterExit=yes; echo 'ExecStart=/bin/sh -c "mount -t tmpfs probe /run/probe"'; printf '%s\n' "$@"; } > /run/systemd/system/probe.service
            mkdir -p /run/probe
            systemctl daemon-reload
            systemctl start probe || exit 1
            grep -q ' /run/probe ' /proc/1/mountinfo && echo -n seen || echo -n hidden
            systemctl stop probe
            umount /run/probe 2>/dev/null || true
            """);
        Assert.Equal("seen", await machine.RunAsync("sh /root/probe"));
        Assert.Equal("seen", await machine.RunAsync("sh /root/probe MountFlags=shared"));
        foreach (string directive in UnitTests.OwnNamespace)
        {
            Assert.True(await machine.RunAsync($"sh /root/probe {directive}") == "hidden", directive);
            if (!directive.StartsWith("MountFlags", StringComparison.Ordinal)) Assert.True(await machine.RunAsync($"sh /root/probe {directive} MountFlags=shared") == "hidden", directive);
        }
    }

    /// <summary>
    /// A benchmark, see bench/restart.sh: how long reads wait while <c>systemctl restart sluice</c> runs under load, from the command or the read's own beginning to the answer, all that systemd does
    /// meanwhile included. Containers of both formats read, one writes; those whose waits count read what is in no page cache.
    /// </summary>
    [Fact(Explicit = true)]
    public async Task Restarts_by_systemd_under_load()
    {
        int rounds = int.Parse(Environment.GetEnvironmentVariable("SLUICE_BENCH_ROUNDS") ?? "20", CultureInfo.InvariantCulture);
        await using TestRegistryWithImages registry = await TestRegistryWithImages.StartAsync();
        await using Machine machine = await InstalledAsync();
        await StartLoadAsync(machine, registry);
        await machine.RunAsync("rm /run/forgetting"); // it would make the next daemon read its own program from the disk
        string[] files = [.. (await machine.RunAsync("awk '$2 ~ \"^/run/sluice/images/\" && ($3 == \"erofs\" || $3 == \"ext4\") && $2 !~ /snapshot-/ { print $2 }' /proc/mounts")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(mount => Enumerable.Range(0, OrdinaryImage.DataFiles).Select(file => machine.Outside($"{mount}/data/{file}")))];
        Assert.NotEmpty(files);
        ConcurrentBag<(long Began, long Ended)> slow = [];
        using CancellationTokenSource over = new();
        Task[] readers = [.. Enumerable.Range(0, 2).Select(reader => Task.Run(() => ReadUntil(files, new Random(reader), slow, over.Token)))];
        Random random = new(1);
        List<long> restarts = [];
        for (int round = 0; round < rounds; round++)
        {
            await Task.Delay(random.Next(400, 1200));
            restarts.Add(Stopwatch.GetTimestamp());
            await machine.RunAsync("systemctl restart sluice");
        }

        await over.CancelAsync();
        await Task.WhenAll(readers);
        double[] pauses = [.. restarts.Select((restart, round) =>
        {
            long end = round + 1 < rounds ? restarts[round + 1] : long.MaxValue;
            return slow.Where(read => read.Ended >= restart && read.Began < end && read.Ended < end).Select(read => Stopwatch.GetElapsedTime(Math.Max(read.Began, restart), read.Ended).TotalSeconds).DefaultIfEmpty(0).Max();
        }).Order()];
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{rounds} restarts by systemd: longest pause of a read p50 {pauses[rounds / 2]:0.000} s, p90 {pauses[rounds * 9 / 10]:0.000} s, longest {pauses[^1]:0.000} s; load {File.ReadAllText("/proc/loadavg").Trim()}"));
    }

    private static void ReadUntil(string[] files, Random random, ConcurrentBag<(long Began, long Ended)> slow, CancellationToken over)
    {
        byte[] buffer = new byte[128 << 10];
        while (!over.IsCancellationRequested)
        {
            using SafeFileHandle file = File.OpenHandle(files[random.Next(files.Length)]);
            Forget(file, 0, 0, DontNeed);
            for (long offset = 0; ;)
            {
                long began = Stopwatch.GetTimestamp();
                int read = RandomAccess.Read(file, buffer, offset);
                if (Stopwatch.GetElapsedTime(began) > TimeSpan.FromMilliseconds(20)) slow.Add((began, Stopwatch.GetTimestamp()));
                if (read == 0) break;
                offset += read;
            }
        }
    }

    /// <summary>POSIX_FADV_DONTNEED: the page cache loses the file.</summary>
    private const int DontNeed = 4;

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Forget(SafeFileHandle file, long offset, long length, int advice);

    /// <summary>Of each image a container that reads, not from the page cache, and one that writes to a disk of its own.</summary>
    private static async Task StartLoadAsync(Machine machine, TestRegistryWithImages registry)
    {
        foreach (string image in registry.Images)
        {
            await machine.RunAsync($"sluice pull {image}");
            await machine.RunAsync(Run(image, "-d", Name(image), "/bin/sh -c 'while :; do cat /data/* | sha256sum >> /log; done'"));
        }

        await machine.RunAsync(Run(registry.BlockImage, "-d --snapshotter-label containerd.io/snapshot/overlaybd.writable=dir", Writer, "/bin/sh -c 'while :; do n=$((n+1)); echo $n > /n && /bin/busybox sync && cat /n >> /log || echo failed >> /log; done'"));
        await machine.RunAsync("touch /run/forgetting; (while [ -e /run/forgetting ]; do echo 1 > /proc/sys/vm/drop_caches; sleep 0.05; done) </dev/null >/dev/null 2>&1 &");
    }

    /// <summary>A booted machine with the package, and containerd that knows it by its drop-in.</summary>
    private static async Task<Machine> InstalledAsync()
    {
        string package = await DebianPackage.BuildAsync();
        Machine machine = await Machine.BootAsync();
        try
        {
            await machine.RunAsync($"dpkg -i {await machine.BringAsync(package)}");
            await machine.WriteAsync("/etc/containerd/config.toml", """
                version = 2
                imports = ["/usr/share/sluice/containerd/sluice.toml"]
                disabled_plugins = ["io.containerd.grpc.v1.cri"]
                oom_score = 0
                """);
            await machine.RunAsync("systemctl restart containerd && ctr plugins ls | grep -q 'sluice *- *ok'");
            return machine;
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }
    }

    private static string Run(string image, string how, string name, string command) =>
        $"ctr run {how} --runc-binary /usr/local/sbin/runc --snapshotter sluice {image} {name} {command} </dev/null";

    private static string Name(string image) => image[(image.LastIndexOf(':') + 1)..];
}
