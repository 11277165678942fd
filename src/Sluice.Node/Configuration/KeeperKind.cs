namespace Sluice.Node.Configuration;

/// <summary>Who holds the kernel's connections while there is no daemon.</summary>
public enum KeeperKind
{
    /// <summary><c>sluice keeper</c>, started if there is none.</summary>
    Process,

    /// <summary>Nobody: what is mounted ends with the daemon.</summary>
    None,
}
