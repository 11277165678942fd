namespace Sluice.Storage.Fetching;

/// <summary>Why a download in the background ended.</summary>
public enum DownloadEnd
{
    /// <summary>All of the image is here.</summary>
    Complete,

    /// <summary>The rest would push out what is used.</summary>
    NoRoom,

    /// <summary>Some ranges could not be had, or kept.</summary>
    Failed,

    /// <summary>The image was unmounted.</summary>
    Closed,
}
