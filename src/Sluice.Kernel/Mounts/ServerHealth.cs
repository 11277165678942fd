namespace Sluice.Kernel.Mounts;

/// <summary>Whether the process behind a FUSE mount lives.</summary>
public enum ServerHealth
{
    Alive,

    /// <summary>Everything below the mount fails with ENOTCONN.</summary>
    Dead,

    /// <summary>It did not answer in time.</summary>
    Silent,
}
