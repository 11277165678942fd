namespace Sluice.Node.Configuration;

/// <summary>How EROFS gets at its data.</summary>
public enum MountMode
{
    /// <summary>From files where the kernel can (Linux 6.12 with CONFIG_EROFS_FS_BACKED_BY_FILE), else over a loop device.</summary>
    Auto,

    /// <summary>Bootstrap and devices are files.</summary>
    File,

    /// <summary>One flat disk behind a loop device.</summary>
    Loop,
}
