namespace Sluice.Kernel.Fuse;

/// <summary>What answers requests. Called by several threads at once, each with its own worker.</summary>
internal interface IFuseHandler
{
    /// <summary>
    /// Answers the request in <paramref name="worker"/> exactly once (unless its opcode has no reply), now or later;
    /// does not throw and does not wait for the network.
    /// </summary>
    void Handle(FuseWorker worker);
}
