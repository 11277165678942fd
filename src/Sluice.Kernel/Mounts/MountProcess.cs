namespace Sluice.Kernel.Mounts;
public sealed class MountProcess { }
