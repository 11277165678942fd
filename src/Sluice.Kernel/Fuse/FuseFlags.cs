namespace Sluice.Kernel.Fuse;

/// <summary>INIT flags; the upper half travels in <c>flags2</c> and counts only together with <see cref="InitExtended"/>.</summary>
[Flags]
internal enum FuseInitFlags : ulong
{
    None = 0,

    /// <summary>Several reads of one open file may be in flight.</summary>
    AsyncRead = 1ul << 0,

    /// <summary>Writes of more than a page; always on since Linux 4.20.</summary>
    BigWrites = 1ul << 5,
    DoReadDirPlus = 1ul << 13,
    ReadDirPlusAuto = 1ul << 14,

    /// <summary>Direct I/O submitted asynchronously (EROFS, loop) stays asynchronous.</summary>
    AsyncDirectIo = 1ul << 15,
    ParallelDirectoryOperations = 1ul << 18,

    /// <summary><c>max_pages</c> counts: reads up to 1 MiB instead of 128 KiB.</summary>
    MaxPages = 1ul << 22,
    InitExtended = 1ul << 30,
    Passthrough = 1ul << 37,
    HasResend = 1ul << 39,

    /// <summary>Never asked for: when it fires the kernel aborts the whole connection, and every mount on it is dead.</summary>
    RequestTimeout = 1ul << 42,
}

/// <summary>Flags of an OPEN reply. A passthrough open may carry none of the caching flags (EIO).</summary>
[Flags]
internal enum FuseOpenFlags : uint
{
    None = 0,

    /// <summary>No page cache below the one of the file system that reads this file.</summary>
    DirectIo = 1,

    /// <summary>No FLUSH request at close.</summary>
    NoFlush = 32,

    /// <summary>Writes that don't make the file longer run side by side.</summary>
    ParallelDirectWrites = 64,

    /// <summary>Reads go to the backing file; no request reaches the server.</summary>
    Passthrough = 128,
}
