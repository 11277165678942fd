namespace Sluice.Node.Doctor.Facts;

internal enum SocketState
{
    Missing,
    Listening,

    /// <summary>The file is there, and nobody listens.</summary>
    Stale,

    /// <summary>It can't be asked.</summary>
    Unknown,
}
