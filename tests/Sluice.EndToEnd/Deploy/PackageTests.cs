using Sluice.EndToEnd.Harness;
using Sluice.Node.Configuration;
using Sluice.Testing;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Deploy;

/// <summary>The Debian package on a stock Debian 12 where no systemd runs, as in a container.</summary>
[Collection(AloneCollection.Name)]
public sealed class PackageTests
{
    /// <summary>Lists what runs of the package; not what has ended and waits to be reaped by whoever started it.</summary>
    private const string Processes = "ps -C sluice -o stat=,pid=,args= | grep -v '^Z' || true";

    [Fact]
    public async Task Install_upgrade_remove_and_purge_without_systemd()
    {
        TestMachine.RequireMounts();
        string package = await DebianPackage.BuildAsync(), later = await DebianPackage.BuildLaterAsync();
        await using Machine machine = await Machine.StartPlainAsync();
        package = await machine.BringAsync(package);
        later = await machine.BringAsync(later);

        await machine.RunAsync($"dpkg -i {package}");
        Assert.Equal("", await machine.RunAsync(Processes));
        await machine.RunAsync("sluice --version && sluice convert --help && test -s /usr/share/man/man8/sluice.8.gz");
        Assert.Equal("daemon", await machine.RunAsync("bash -c '. /usr/share/bash-completion/completions/sluice; COMP_WORDS=(sluice dae); COMP_CWORD=1; COMP_LINE=\"sluice dae\"; COMP_POINT=10; _sluice; echo -n ${COMPREPLY[*]}'"));

        // The administrator's configuration outlives upgrade and removal.
        await machine.RunAsync("echo 'log_level: debug' >> /etc/sluice/config.yaml");
        await StartDaemonAsync(machine);
        string before = await DaemonAsync(machine);
        await machine.RunAsync($"dpkg -i {later}");
        Assert.Equal(DebianPackage.LaterVersion, await machine.RunAsync("dpkg-query -W -f '${Version}' sluice"));
        await machine.RunAsync("grep -q 'log_level: debug' /etc/sluice/config.yaml && grep -q '^sluice /run/sluice/disks fuse' /proc/mounts");
        Assert.NotEqual(before, await DaemonAsync(machine));

        await machine.RunAsync("dpkg -r sluice");
        Assert.Equal("", await machine.RunAsync($"{Processes}; grep /run/sluice /proc/mounts || true"));
        await machine.RunAsync("test -s /etc/sluice/config.yaml && test -d /var/lib/sluice && ! test -e /usr/bin/sluice");

        await machine.RunAsync("dpkg -P sluice");
        Assert.Equal("", await machine.RunAsync("find / -xdev -iname '*sluice*' -not -path '/root/*' -not -path '/proc/*'; find /var/lib /run -iname '*sluice*' -not -path '/var/lib/apt/*'"));
    }

    [Fact]
    public async Task The_same_program_makes_the_same_package()
    {
        using TemporaryDirectory directory = new();
        string package = await DebianPackage.BuildAsync();
        Assert.Equal(await File.ReadAllBytesAsync(package), await File.ReadAllBytesAsync(await DebianPackage.PackAsync(directory.File("again.deb"))));
    }

    /// <summary>All that stands in the file are defaults: with the comments taken away it says the same.</summary>
    [Fact]
    public async Task The_configuration_that_comes_along_is_what_holds_without_it()
    {
        using TemporaryDirectory directory = new();
        (int exitCode, string output) = await Command.RunAsync("dpkg-deb", ["-x", await DebianPackage.BuildAsync(), directory.Path]);
        Assert.True(exitCode == 0, output);
        string file = directory.File("etc/sluice/config.yaml");
        Assert.Equal(new NodeOptions().ToString(), ConfigurationFile.Read(file).ToString());
        string[] lines = await File.ReadAllLinesAsync(file);
        Assert.All(lines, line => Assert.True(line.Length == 0 || line[0] == '#', line));

        // Plugins are read with the configuration, and there are none here.
        lines = [.. lines.Where(line => !line.Contains("/kubernetes/credential-providers", StringComparison.Ordinal) && !line.Contains("  providers:", StringComparison.Ordinal))];
        await File.WriteAllLinesAsync(file, lines.Where(line => line.Length > 1 && line[1] != ' ' || line.StartsWith("#  ", StringComparison.Ordinal)).Select(line => line[1..]));
        NodeOptions options = ConfigurationFile.Read(file);
        NodeOptions defaults = new();
        Assert.Equal((defaults.Root, defaults.State, defaults.SocketPath, defaults.AdminSocketPath, defaults.Fetch), (options.Root, options.State, options.SocketPath, options.AdminSocketPath, options.Fetch));
    }

    /// <summary>The process that answers on the admin socket.</summary>
    private static Task<string> DaemonAsync(Machine machine) => machine.RunAsync("for p in $(pgrep -x sluice); do tr '\\0' '\\n' < /proc/$p/cmdline | sed -n 2p | grep -qx daemon && echo $p; done; true");

    private static async Task StartDaemonAsync(Machine machine)
    {
        await machine.RunAsync("setsid sluice daemon >/root/daemon.log 2>&1 </dev/null &");
        await machine.UntilAsync("test -S /run/sluice/admin.sock", "the daemon is ready");
        await machine.RunAsync("grep -q '^sluice /run/sluice/disks fuse' /proc/mounts");
    }
}
