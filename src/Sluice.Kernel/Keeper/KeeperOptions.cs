namespace Sluice.Kernel.Keeper;

/// <summary>Who holds the descriptors of a daemon while there is none.</summary>
public enum KeeperKind
{
    /// <summary>A keeper process that is there already; else the service manager, if it says that it stores descriptors; else a keeper process that is started.</summary>
    Auto,

    /// <summary><c>sluice keeper</c>, started if there is none.</summary>
    Process,

    /// <summary>The service manager's store.</summary>
    ServiceManager,

    /// <summary>Nobody: what is mounted ends with the daemon.</summary>
    None,
}

/// <summary>Which keeper, and how it behaves.</summary>
public sealed record KeeperOptions
{
    public KeeperKind Kind { get; init; } = KeeperKind.Auto;

    /// <summary>Absolute path of the state directory: <c>keeper.sock</c>, <c>keeper.lock</c> and <c>keeper.log</c> are in it. One keeper each.</summary>
    public required string State { get; init; }

    /// <summary>Of a keeper that is started: how long requests wait for a server before they get EIO. Zero: for ever.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a keeper may take to start, and to answer.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);
}
