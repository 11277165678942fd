using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.Prefetch;
using Sluice.Formats.Trees;
using Sluice.Storage.Traces;
using OverlayBdTrace = Sluice.Formats.OverlayBd.TraceFile;

namespace Sluice.Build.Convert;

/// <summary>What a start of ours has read, as other programs take it. <see cref="ConvertTrace.Read"/> reads all of it again.</summary>
public static class TraceExport
{
    /// <summary>overlaybd replays a record with one read into a buffer of this size.</summary>
    private const int MaxRecord = 1 << 20;

    /// <summary>Nydus's prefetch files: parts of files, in order. Reads whose file is not known are left out.</summary>
    public static byte[] ToPrefetchFiles(StartTrace trace) => PrefetchFiles.Write(ConvertTrace.Of(trace).Files);

    /// <summary>Nydus's prefetch patterns: files, in order.</summary>
    public static byte[] ToList(StartTrace trace) => PriorityList.Write(ConvertTrace.Of(trace).Files);

    /// <summary>overlaybd's priority list: files, in order, as far as it can say them.</summary>
    public static byte[] ToPriorityList(StartTrace trace) => PriorityList.WriteForOverlayBd(ConvertTrace.Of(trace).Files);

    /// <summary>The names of a trace, each once.</summary>
    public static IReadOnlyList<FileName> NamesOf(StartTrace trace) => [.. ConvertTrace.Of(trace).Files.Select(file => file.Path).Distinct()];

    /// <summary>overlaybd's trace.</summary>
    /// <inheritdoc cref="ToRecords"/>
    public static byte[] ToOverlayBdTrace(StartTrace trace, IReadOnlyList<Digest> layers) => OverlayBdTrace.Write(ToRecords(trace, layers));

    /// <param name="layers">Of the image that was started, a block image; the lowest first.</param>
    internal static TraceRecord[] ToRecords(StartTrace trace, IReadOnlyList<Digest> layers)
    {
        Dictionary<Digest, int> numbers = layers.Index().DistinctBy(layer => layer.Item).ToDictionary(layer => layer.Item, layer => layer.Index);
        List<TraceRecord> records = [];
        foreach (TraceRead read in trace.Reads)
        {
            if (!numbers.TryGetValue(read.Blob, out int layer)) continue;
            bool continues = records.Count > 0 && records[^1] is var last && last.Layer == layer && last.Offset + last.Length == read.Offset && last.Length + read.Length <= MaxRecord;
            if (continues) records[^1] = records[^1] with { Length = records[^1].Length + read.Length };
            else records.Add(new TraceRecord('R', layer, read.Offset, read.Length));
        }

        return [.. records];
    }
}
