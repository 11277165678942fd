using System.Globalization;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Deploy;

/// <summary>The units as they are shipped.</summary>
public sealed class UnitTests
{
    /// <summary>Directives that give a service a mount namespace of its own (<see cref="ServiceTests"/> asks systemd for each).</summary>
    internal static readonly string[] OwnNamespace =
    [
        "ProtectSystem=full", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectKernelLogs=yes",
        "ProtectControlGroups=yes", "ProtectProc=invisible", "ProcSubset=pid", "PrivateIPC=yes", "PrivateMounts=yes", "LogNamespace=other", "ReadOnlyPaths=/etc",
        "ReadWritePaths=/etc", "InaccessiblePaths=/home", "NoExecPaths=/home", "BindPaths=/home:/mnt", "TemporaryFileSystem=/mnt", "MountFlags=slave", "MountFlags=private",
    ];

    /// <summary>On the scale of systemd 252, ten times. What keeps them from less is named in the units.</summary>
    [Theory]
    [InlineData("sluice.service", 40)]
    [InlineData("sluice-keeper.service", 26)]
    public async Task Exposure_stays_below_a_bound(string unit, int tenths)
    {
        string analyze = Command.Require("systemd-analyze");
        (int exitCode, string output) = await Command.RunAsync(
            analyze, ["security", "--offline=true", "--no-pager", "--threshold=" + tenths.ToString(CultureInfo.InvariantCulture), Repository.File("deploy/systemd/" + unit)]);
        Assert.True(exitCode == 0, output);
    }

    [Fact]
    public void The_daemon_is_protected_and_mounts_where_its_keeper_is_which_is_in_the_mount_namespace_of_the_node()
    {
        Assert.Contains("ProtectSystem", Directives("sluice.service"));
        Assert.Contains(File.ReadLines(Repository.File("deploy/systemd/sluice.service")), line => line.StartsWith("ExecStart=", StringComparison.Ordinal) && line.EndsWith(" --mount-namespace keeper", StringComparison.Ordinal));
        Assert.Empty(Directives("sluice-keeper.service").Intersect(OwnNamespace.Select(Name)));
    }

    private static string[] Directives(string unit) => [.. File.ReadLines(Repository.File("deploy/systemd/" + unit)).Where(line => !line.StartsWith('#') && !line.EndsWith("=no", StringComparison.Ordinal)).Select(Name)];

    private static string Name(string line) => line.Split('=')[0];
}
