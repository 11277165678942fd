using System.Globalization;
using System.Text.Json;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Traces;

/// <summary>
/// A trace as JSON: <c>version</c> (1), <c>manifest</c>, <c>blobs</c> (digests) and <c>reads</c>, each
/// <c>[blob, offset, length, microseconds, was here]</c>: the index of its blob, bytes of blob space, time after the beginning, 0 or 1.
/// </summary>
public static class TraceFile
{
    public const int Version = 1;

    /// <summary>No format has larger chunks.</summary>
    private const int MaxChunk = 16 << 20;

    /// <summary>A larger file is no trace.</summary>
    public const int MaxLength = 16 << 20;

    public static byte[] Write(StartTrace trace)
    {
        List<Digest> blobs = [.. trace.Reads.Select(read => read.Blob).Distinct()];
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version"u8, Version);
            writer.WriteString("manifest"u8, trace.Manifest.ToString());
            writer.WriteStartArray("blobs"u8);
            foreach (Digest blob in blobs) writer.WriteStringValue(blob.ToString());
            writer.WriteEndArray();
            writer.WriteStartArray("reads"u8);
            foreach (TraceRead read in trace.Reads)
            {
                writer.WriteStartArray();
                writer.WriteNumberValue(blobs.IndexOf(read.Blob));
                writer.WriteNumberValue(read.Offset);
                writer.WriteNumberValue(read.Length);
                writer.WriteNumberValue((long)read.At.TotalMicroseconds);
                writer.WriteNumberValue(read.WasHere ? 1 : 0);
                writer.WriteEndArray();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <exception cref="InvalidFormatException">Not a trace, damaged, or of a newer version.</exception>
    public static StartTrace Read(ReadOnlyMemory<byte> file)
    {
        if (file.Length > MaxLength) throw Error($"is longer than {MaxLength >> 20} MiB");
        try
        {
            using JsonDocument document = JsonDocument.Parse(file);
            JsonElement root = document.RootElement;
            int version = root.GetProperty("version").GetInt32();
            if (version != Version) throw Error($"has version {version.ToString(CultureInfo.InvariantCulture)}, and {Version} is known");
            Digest manifest = Digest.Parse(root.GetProperty("manifest").GetString() ?? "");
            Digest[] blobs = [.. root.GetProperty("blobs").EnumerateArray().Select(blob => Digest.Parse(blob.GetString() ?? ""))];
            JsonElement reads = root.GetProperty("reads");
            if (reads.GetArrayLength() == 0) throw Error("has no reads");
            if (reads.GetArrayLength() > TraceRecorder.MaxReads) throw Error($"has more than {TraceRecorder.MaxReads} reads");
            return new StartTrace(manifest, [.. reads.EnumerateArray().Select(read => ReadOf(read, blobs))]);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or IndexOutOfRangeException or OverflowException or ArgumentOutOfRangeException)
        {
            throw Error($"is no trace: {exception.Message}");
        }
    }

    private static TraceRead ReadOf(JsonElement read, Digest[] blobs)
    {
        TraceRead one = new(blobs[read[0].GetInt32()], read[1].GetInt64(), read[2].GetInt32(), TimeSpan.FromMicroseconds(read[3].GetInt64()), read[4].GetInt32() != 0);
        if (one.Offset < 0 || one.Length is <= 0 or > MaxChunk || one.At < TimeSpan.Zero || one.Offset > long.MaxValue - one.Length) throw Error("has a read outside of every blob");
        return one;
    }

    private static InvalidFormatException Error(string message) => new("trace", message);
}
