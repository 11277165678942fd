using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Node.Images;

/// <content>Images whose cached data is not evicted: a file <c>pinned</c> in the image's directory, which goes with it.</content>
internal sealed partial class LocalImages
{
    private const string PinName = "pinned";

    /// <summary>What is known of the images that are here and intact.</summary>
    public IReadOnlyList<(ImageRecord Record, bool IsPinned)> ListRecords()
    {
        List<(ImageRecord, bool)> records = [];
        foreach (Digest manifest in List())
        {
            try
            {
                if (ReadRecord(manifest) is { } stored)
                    records.Add((new ImageRecord(stored.Reference, manifest, Digest.Parse(stored.Bootstrap), stored.Blobs), File.Exists(Path.Combine(directory, manifest.Hex, PinName))));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or System.Text.Json.JsonException or SluiceException)
            {
                // Damaged: fetched again by whoever needs it.
            }
        }

        return records;
    }

    /// <summary>Blobs of pinned images.</summary>
    public IReadOnlySet<Digest> ListPinnedBlobs() =>
        ListRecords().Where(image => image.IsPinned).SelectMany(image => image.Record.Blobs.Keys).Select(Digest.Parse).ToHashSet();

    /// <exception cref="SluiceException"><see cref="SluiceError.Disk"/>.</exception>
    public void SetPinned(Digest manifest, bool pinned)
    {
        string path = Path.Combine(directory, manifest.Hex, PinName);
        try
        {
            if (!pinned) File.Delete(path);
            else if (!File.Exists(path)) WriteDurably(path, []);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, path, $"the pin can't be {(pinned ? "set" : "taken away")}: {exception.Message}", inner: exception);
        }
    }
}
