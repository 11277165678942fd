namespace Sluice.Kernel.Fuse;

/// <summary>Requests of the FUSE protocol that a read-only server meets (linux/fuse.h, protocol 7.45).</summary>
internal enum FuseOpcode : uint
{
    Lookup = 1,

    /// <summary>Has no reply.</summary>
    Forget = 2,
    GetAttr = 3,
    Open = 14,
    Read = 15,
    StatFs = 17,
    Release = 18,
    Flush = 25,
    Init = 26,
    OpenDir = 27,
    ReadDir = 28,
    ReleaseDir = 29,

    /// <summary>Needs no reply: the request it names is answered in any case.</summary>
    Interrupt = 36,
    Destroy = 38,

    /// <summary>Has no reply.</summary>
    BatchForget = 42,
    ReadDirPlus = 44,
}

/// <summary>Messages that a server may send on its own: the <c>error</c> field of a reply with unique 0.</summary>
internal enum FuseNotification
{
    InvalidateInode = 2,
    InvalidateEntry = 3,

    /// <summary>Asks the kernel to queue again whatever was read but never answered (6.9+).</summary>
    Resend = 7,
}
