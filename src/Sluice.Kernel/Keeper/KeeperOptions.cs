namespace Sluice.Kernel.Keeper;

/// <summary>Which keeper, and how one that is started behaves.</summary>
public sealed record KeeperOptions
{
    /// <summary>Absolute path of the state directory: <c>keeper.sock</c>, <c>keeper.lock</c> and <c>keeper.log</c> are in it. One keeper each.</summary>
    public required string State { get; init; }

    /// <summary>True: others start it, and start it again when it ends; whoever looks for it waits.</summary>
    public bool IsService { get; init; }

    /// <summary>Of a keeper that is started: how long requests wait for a server before they get EIO. Zero: for ever.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a keeper may take to start, and to answer.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);
}
