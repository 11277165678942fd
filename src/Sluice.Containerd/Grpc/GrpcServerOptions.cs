namespace Sluice.Containerd.Grpc;

/// <summary>Where and how a <see cref="GrpcServer"/> listens.</summary>
public sealed record GrpcServerOptions
{
    /// <summary>Absolute path of the unix socket, at most 107 bytes. The directory is made when it is missing (0711).</summary>
    public required string SocketPath { get; init; }

    /// <summary>Listens there already; the server's when it starts. Null: the path is to be free.</summary>
    public Sockets.ListeningSocket? Listener { get; init; }

    /// <summary>Longest request message in bytes.</summary>
    public int MaxMessageLength { get; init; } = 16 << 20;

    /// <summary>Measures the deadlines that callers set.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
