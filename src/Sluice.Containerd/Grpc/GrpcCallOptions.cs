namespace Sluice.Containerd.Grpc;

/// <summary>What a client adds to one call.</summary>
public sealed record GrpcCallOptions
{
    public static readonly GrpcCallOptions None = new();

    /// <summary>Sent as <c>grpc-timeout</c> and enforced here too; null waits for ever.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Metadata: names in lower case, values printable ASCII.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = System.Collections.Frozen.FrozenDictionary<string, string>.Empty;
}
