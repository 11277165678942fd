namespace Sluice.Kernel.Keeper;

/// <summary>A connection to the keeper, as the keeper sees it.</summary>
internal sealed class KeeperClient(KeeperSocket socket, int process)
{
    public KeeperSocket Socket { get; } = socket;

    /// <summary>Who connected, for the log.</summary>
    public int Process { get; } = process;
}
