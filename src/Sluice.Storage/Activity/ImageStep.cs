namespace Sluice.Storage.Activity;

/// <summary>What happens to an image before it can be read, in this order.</summary>
public enum ImageStep
{
    /// <summary>Somebody asked for the image: a pull, or containerd for its first layer.</summary>
    Asked,

    /// <summary>Its metadata is on the local disk.</summary>
    MetadataHere,

    /// <summary>Its disks are opened and its file system is mounted.</summary>
    MountBegan,

    Mounted,
}
