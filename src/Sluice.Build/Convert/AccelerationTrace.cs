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
        if (start.Records is { } records) return [.. records.Where(record => Fits(record, image))];
        if (start.Chunks is { } chunks && chunks.Reads.All(read => layers.Contains(read.Blob))) return ToRecords(chunks, layers, image);
        if (start.Files.Count == 0) return [];
        return ListedStart.OfFiles(default, BlockTree.Read(image), image.Index, layers, start.Files) is { } listed ? ToRecords(listed, layers, image) : [];
    }

    private static TraceRecord[] ToRecords(StartTrace trace, Digest[] layers, RemoteBlockImage image)
    {
        List<TraceRecord> records = [];
        foreach (TraceRead read in trace.Reads)
        {
            TraceRecord record = new('R', Array.IndexOf(layers, read.Blob), read.Offset, read.Length);
            bool continues = records.Count > 0 && records[^1] is var last && last.Layer == record.Layer && last.Offset + last.Length == record.Offset;
            if (continues) records[^1] = records[^1] with { Length = records[^1].Length + record.Length };
            else if (Fits(record, image)) records.Add(record);
        }

        return [.. records];
    }

    private static bool Fits(TraceRecord record, RemoteBlockImage image) =>
        record.Layer < image.Layers.Count && record.Offset <= image.Layers[record.Layer].Layer.Length - record.Length;
}
