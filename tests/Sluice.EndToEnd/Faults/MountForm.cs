namespace Sluice.EndToEnd.Faults;

/// <summary>How the kernel gets at an image: EROFS of a RAFS image from files or over a loop device, or the file system of an OverlayBD image, always over one.</summary>
public enum MountForm
{
    RafsFile,
    RafsLoop,
    OverlayBd,
}
