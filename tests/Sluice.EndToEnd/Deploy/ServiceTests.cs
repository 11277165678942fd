using System.Globalization;
using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Deploy;

/// <summary>The package with a real systemd, containerd and runc: what is shipped, as it is shipped.</summary>
[Collection(AloneCollection.Name)]
public sealed class ServiceTests
{
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

    /// <summary>All that the shipped units can do to the daemon, while containers of both formats read all the time.</summary>
    [Fact]
    public async Task Containers_go_on_while_the_daemon_is_restarted_killed_upgraded_and_away()
    {
        await using TestRegistryWithImages registry = await TestRegistryWithImages.StartAsync();
        await using Machine machine = await InstalledAsync();
        string later = await machine.BringAsync(await DebianPackage.BuildLaterAsync());
        foreach (string image in registry.Images)
        {
            await machine.RunAsync($"sluice pull {image}");
            await machine.RunAsync(Run(image, "-d", Name(image), "/bin/sh -c 'while :; do cat /data/* | sha256sum >> /log; done'"));
        }

        string keeper = await machine.RunAsync("systemctl show -P MainPID sluice-keeper");
        foreach (string blow in (string[])["true", "systemctl restart sluice", "systemctl kill --kill-whom=all --signal=KILL sluice", $"dpkg -i {later}", "systemctl kill --signal=KILL sluice", "systemctl stop sluice && systemctl start sluice"])
        {
            string daemon = blow == "true" ? "0" : (await machine.RunAsync("systemctl show -P MainPID sluice")).Trim();
            string[] before = await Task.WhenAll(registry.Images.Select(image => PassesAsync(machine, image)));
            await machine.RunAsync("other=/run/other-$(date +%s%N) && mkdir $other && mount -t tmpfs other $other"); // the next daemon's mount namespace numbers all mounts otherwise
            await machine.RunAsync(blow);
            await machine.UntilAsync($"systemctl is-active --quiet sluice && [ $(systemctl show -P MainPID sluice) != {daemon} ]", $"a daemon after {blow}");
            await machine.RunAsync("echo 1 > /proc/sys/vm/drop_caches"); // else nothing would be read again
            foreach ((string image, string passes) in registry.Images.Zip(before)) await machine.UntilAsync($"[ $(wc -l < {LogOf(image)}) -gt {int.Parse(passes, CultureInfo.InvariantCulture) + 2} ]", $"{image} reads after {blow}");
        }

        Assert.Equal(keeper, await machine.RunAsync("systemctl show -P MainPID sluice-keeper"));
        foreach (string image in registry.Images)
        {
            Assert.Equal(OrdinaryImage.DataSha256(seed: 1) + "  -\n", await machine.RunAsync($"sort -u {LogOf(image)}"));
            await machine.RunAsync($"ctr tasks rm --force {Name(image)}; ctr containers rm {Name(image)}");
        }

        await machine.RunAsync("dpkg -r sluice");
        Assert.Equal("", await machine.RunAsync("pgrep -x sluice || true; grep /run/sluice /proc/mounts || true"));
    }

    private static async Task<string> PassesAsync(Machine machine, string image) => (await machine.RunAsync($"cat {LogOf(image)} 2>/dev/null | wc -l")).Trim();

    private static string LogOf(string image) => $"/run/containerd/io.containerd.runtime.v2.task/default/{Name(image)}/rootfs/log";

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
