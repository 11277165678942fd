using Sluice.Node.Doctor.Checks;
using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor;

/// <summary><c>sluice doctor</c>: looks at a node once, then has every check judge what was seen. Changes nothing.</summary>
public static class NodeDoctor
{
    /// <summary>All checks. What they find is listed in docs/troubleshooting.md.</summary>
    internal static IReadOnlyList<ICheck> Checks { get; } =
    [
        new ConfigurationCheck(),
        new PrivilegeCheck(),

        new KernelModulesCheck(),
        new ErofsFilesCheck(),
        new KernelAgeCheck(),
        new DeviceFilesCheck(),
        new FuseLimitsCheck(),
        new MountLimitCheck(),

        new DaemonRunningCheck(),
        new SocketModesCheck(),
        new DaemonCountCheck(),
        new VersionCheck(),
        new LaterStateCheck(),
        new OpenFilesCheck(),
        new KeeperCheck(),
        new DaemonUnitCheck(),
        new KeeperUnitCheck(),

        new RootFileSystemCheck(),
        new RootSpaceCheck(),
        new QuotaCheck(),
        new StateFileSystemCheck(),
        new MountsCheck(),
        new LoopsCheck(),
        new ToolsCheck(),
        new LibrariesCheck(),

        new ContainerdCheck(),
        new ContainerdFileCheck(),
        new ProxyPluginCheck(),
        new CriCheck(),

        new HostsFilesCheck(),
        new LoginFileCheck(),
        new ProviderTokensCheck(),
        new LoginCheck(),
        new RegistryHostsCheck(),
        new ClockCheck(),
        new ProxyExceptionsCheck(),
    ];

    public static async Task<DoctorReport> RunAsync(DoctorOptions options, CancellationToken cancellation) => Judge(await NodeSurvey.LookAsync(options, cancellation));

    internal static DoctorReport Judge(NodeFacts node)
    {
        Finding[] findings = [.. Checks.SelectMany(check => Judge(check, node)).OrderByDescending(finding => finding.Severity)]; // stable: the order of the checks within
        return new DoctorReport(Checks.Count, node.Daemon is not null, findings);
    }

    /// <summary>A check that fails does not keep the others from saying what they know.</summary>
    private static IReadOnlyList<Finding> Judge(ICheck check, NodeFacts node)
    {
        try
        {
            return [.. check.Judge(node)];
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return [new Finding("check-failed", Severity.Warning, check.GetType().Name, $"this check failed: {exception.GetType().Name}: {exception.Message}", "# a defect of sluice doctor: please report it")];
        }
    }
}
