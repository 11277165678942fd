namespace Sluice.Storage.Disks.Uppers;

/// <summary>Outcome of an operation on an upper. The numbers are errno values, for the kernel.</summary>
public enum UpperError
{
    None = 0,

    /// <summary>EIO: the files can't be read or written, or a sync of the data failed earlier.</summary>
    InputOutput = 5,

    /// <summary>EINVAL: not whole sectors, or out of what the format can name.</summary>
    Invalid = 22,

    /// <summary>ENOSPC: the file system, the quota or the index is full.</summary>
    NoSpace = 28,

    /// <summary>EROFS: the upper was sealed.</summary>
    ReadOnly = 30,
}
