using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Storage.Images;
using Sluice.Storage.Traces;

namespace Sluice.Build.Convert;

/// <summary>What a start of a block image reads, as overlaybd records it.</summary>
internal static class AccelerationTrace
{
    /// <summary>Synchronous: reads the file system's metadata where files have to be found.</summary>
    /// <param name="image">The image's layers of blocks.</param>
    /// <returns>Empty: nothing of what is known concerns this image.</returns>
    public static TraceRecord[] Of(ConvertTrace start, RemoteBlockImage image)
    {
        Digest[] layers = [.. image.Layers.Select(layer => layer.Descriptor.Digest)];
        if (start.Records is { } known) return Fitting(known, image);
        if (start.Chunks is { } chunks && chunks.Reads.All(read => layers.Contains(read.Blob))) return Fitting(TraceExport.ToRecords(chunks, layers), image);
        if (start.Files.Count == 0) return [];
        return ListedStart.OfFiles(default, BlockTree.Read(image), image.Index, layers, start.Files) is { } listed ? Fitting(TraceExport.ToRecords(listed, layers), image) : [];
    }

    private static TraceRecord[] Fitting(IEnumerable<TraceRecord> records, RemoteBlockImage image) =>
        [.. records.Where(record => record.Layer < image.Layers.Count && record.Offset <= image.Layers[record.Layer].Layer.Length - record.Length)];
}
