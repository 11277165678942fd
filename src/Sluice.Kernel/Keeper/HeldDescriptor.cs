namespace Sluice.Kernel.Keeper;

/// <summary>A descriptor that the keeper holds, and who serves it.</summary>
internal sealed class HeldDescriptor(byte[] name, int descriptor)
{
    public byte[] Name { get; } = name;

    public int Descriptor { get; } = descriptor;

    /// <summary>The connection that kept or took it last; null when that has gone.</summary>
    public KeeperClient? Server { get; set; }

    /// <summary>When the last server went, in milliseconds of the machine.</summary>
    public long AbandonedAt { get; set; }

    /// <summary>Answers in place of a server; null as long as there is one, or its time has not come.</summary>
    public ErrorAnswers? Answers { get; set; }
}
