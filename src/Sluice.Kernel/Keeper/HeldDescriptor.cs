namespace Sluice.Kernel.Keeper;

/// <summary>A descriptor that the keeper holds, of a FUSE connection or a listening socket, and who serves it.</summary>
internal sealed class HeldDescriptor(byte[] name, int descriptor, bool isListener = false)
{
    public byte[] Name { get; } = name;

    public int Descriptor { get; } = descriptor;

    /// <summary>The connection that kept or took it last; null when that has gone.</summary>
    public KeeperClient? Server { get; set; }

    /// <summary>When the last server went, in milliseconds of the machine.</summary>
    public long AbandonedAt { get; set; }

    /// <summary>Of a FUSE connection: answers in place of a server; null as long as there is one, or its time has not come.</summary>
    public ErrorAnswers? Answers { get; set; }

    /// <summary>Of a listening socket: who has called while there is no server; null for a FUSE connection.</summary>
    public WaitingCallers? Callers { get; } = isListener ? new WaitingCallers(descriptor) : null;

    /// <summary>True once what the deadline brings has begun.</summary>
    public bool IsOverdue => Callers?.AreRefused ?? Answers is not null;
}
