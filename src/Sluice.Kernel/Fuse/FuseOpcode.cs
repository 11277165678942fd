namespace Sluice.Kernel.Fuse;

/// <summary>Requests of the FUSE protocol that a disk server meets (linux/fuse.h, protocol 7.45).</summary>
internal enum FuseOpcode : uint
{
    Lookup = 1,

    /// <summary>Has no reply.</summary>
    Forget = 2,
    GetAttr = 3,
    SetAttr = 4,
    SymLink = 6,
    MkNod = 8,
    MkDir = 9,
    Unlink = 10,
    RmDir = 11,
    Rename = 12,
    Link = 13,
    Open = 14,
    Read = 15,
    Write = 16,
    StatFs = 17,
    Release = 18,

    /// <summary>Never ENOSYS: the kernel would take all later ones for done.</summary>
    FSync = 20,
    SetXAttr = 21,
    RemoveXAttr = 24,
    Flush = 25,
    Init = 26,
    OpenDir = 27,
    ReadDir = 28,
    ReleaseDir = 29,
    FSyncDir = 30,
    Create = 35,

    /// <summary>Needs no reply: the request it names is answered in any case.</summary>
    Interrupt = 36,
    Destroy = 38,

    /// <summary>Has no reply.</summary>
    BatchForget = 42,
    FAllocate = 43,
    ReadDirPlus = 44,
    Rename2 = 45,
    TmpFile = 51,
}

/// <summary>Messages that a server may send on its own: the <c>error</c> field of a reply with unique 0.</summary>
internal enum FuseNotification
{
    InvalidateInode = 2,
    InvalidateEntry = 3,

    /// <summary>Asks the kernel to queue again whatever was read but never answered (6.9+).</summary>
    Resend = 7,
}
