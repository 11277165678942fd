namespace Sluice.Kernel.Mounts;

/// <summary>How to start and use a mount process.</summary>
public sealed record MountProcessOptions
{
    /// <summary>An executable whose <c>Main</c> calls <see cref="MountChild.TryRun"/>; the running one by default.</summary>
    public string Executable { get; init; } = Environment.ProcessPath ?? "/proc/self/exe";

    /// <summary>Arguments in front of the hidden one: the program's path where the executable is the <c>dotnet</c> host.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = HostArguments();

    /// <summary>How long one request may take.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// A file that each child holds a shared lock of, so that <see cref="MountProcess.UntilOthersEndedAsync"/> can tell. Null: none.
    /// </summary>
    public string? Guard { get; init; }

    /// <summary>Where the children mount, if that is not this process's namespace. The caller's.</summary>
    public MountNamespace? Namespace { get; init; }

    private static string[] HostArguments() =>
        Path.GetFileName(Environment.ProcessPath) == "dotnet" ? [Path.GetFullPath(Environment.GetCommandLineArgs()[0])] : [];
}
