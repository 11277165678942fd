using System.Globalization;
using System.Text.Json;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Traces;

/// <summary>
/// A trace as JSON: <c>version</c> (1), <c>manifest</c>, <c>blobs</c> (digests), <c>reads</c> and, where they are known, <c>files</c> (paths). A read is
/// <c>[blob, offset, length, microseconds, was here]</c>: the index of its blob, bytes of blob space, time after the beginning, 0 or 1; and behind that, where a file is known,
/// its index and the place in it in bytes. <c>prefetched</c> and <c>unread</c>, bytes, say what was fetched ahead of the start and what of that it did not read; <c>command</c>, with <c>program</c> and <c>id</c>, what the container was started with.
/// </summary>
public static class TraceFile
{
    public const int Version = 1;

    /// <summary>No format has larger chunks.</summary>
    private const int MaxChunk = 16 << 20;

    /// <summary>A larger file is no trace.</summary>
    public const int MaxLength = 16 << 20;

    private const int NamedRead = 7; // elements

    public static byte[] Write(StartTrace trace)
    {
        Dictionary<Digest, int> blobs = Number(trace.Reads.Select(read => read.Blob));
        Dictionary<string, int> files = Number(trace.Reads.Where(read => read.File is not null).Select(read => read.File!.Value.Path));
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version"u8, Version);
            writer.WriteString("manifest"u8, trace.Manifest.ToString());
            writer.WriteStartArray("blobs"u8);
            foreach (Digest blob in blobs.Keys) writer.WriteStringValue(blob.ToString());
            writer.WriteEndArray();
            if (files.Count > 0)
            {
                writer.WriteStartArray("files"u8);
                foreach (string file in files.Keys) writer.WriteStringValue(file);
                writer.WriteEndArray();
            }

            if (trace.Command is { } command)
            {
                writer.WriteStartObject("command"u8);
                writer.WriteString("program"u8, command.Program);
                writer.WriteString("id"u8, command.Id);
                writer.WriteEndObject();
            }

            if (trace.Ahead is { } ahead)
            {
                writer.WriteNumber("prefetched"u8, ahead.Fetched);
                writer.WriteNumber("unread"u8, ahead.Unread);
            }

            writer.WriteStartArray("reads"u8);
            foreach (TraceRead read in trace.Reads) Write(writer, read, blobs, files);
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
            string[] files = root.TryGetProperty("files", out JsonElement paths) ? [.. paths.EnumerateArray().Select(path => path.GetString() ?? "")] : [];
            JsonElement reads = root.GetProperty("reads");
            if (reads.GetArrayLength() == 0) throw Error("has no reads");
            if (reads.GetArrayLength() > TraceRecorder.MaxReads) throw Error($"has more than {TraceRecorder.MaxReads} reads");
            return new StartTrace(manifest, [.. reads.EnumerateArray().Select(read => ReadOf(read, blobs, files))]) { Ahead = AheadOf(root), Command = CommandOf(root) };
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or IndexOutOfRangeException or OverflowException or ArgumentOutOfRangeException)
        {
            throw Error($"is no trace: {exception.Message}");
        }
    }

    /// <summary>Each once, in the order in which they come first.</summary>
    private static Dictionary<T, int> Number<T>(IEnumerable<T> all)
        where T : notnull
    {
        Dictionary<T, int> numbers = [];
        foreach (T one in all) numbers.TryAdd(one, numbers.Count);
        return numbers;
    }

    private static void Write(Utf8JsonWriter writer, TraceRead read, Dictionary<Digest, int> blobs, Dictionary<string, int> files)
    {
        writer.WriteStartArray();
        writer.WriteNumberValue(blobs[read.Blob]);
        writer.WriteNumberValue(read.Offset);
        writer.WriteNumberValue(read.Length);
        writer.WriteNumberValue((long)read.At.TotalMicroseconds);
        writer.WriteNumberValue(read.WasHere ? 1 : 0);
        if (read.File is { } file)
        {
            writer.WriteNumberValue(files[file.Path]);
            writer.WriteNumberValue(file.Offset);
        }

        writer.WriteEndArray();
    }

    private static PrefetchOutcome? AheadOf(JsonElement root) =>
        root.TryGetProperty("prefetched", out JsonElement fetched) && root.TryGetProperty("unread", out JsonElement unread) ? new PrefetchOutcome(fetched.GetInt64(), unread.GetInt64()) : null;

    private static StartCommand? CommandOf(JsonElement root) =>
        root.TryGetProperty("command", out JsonElement command) ? StartCommand.Parse(command.GetProperty("program").GetString(), command.GetProperty("id").GetString()) : null;

    private static TraceRead ReadOf(JsonElement read, Digest[] blobs, string[] files)
    {
        TraceRead one = new(blobs[read[0].GetInt32()], read[1].GetInt64(), read[2].GetInt32(), TimeSpan.FromMicroseconds(read[3].GetInt64()), read[4].GetInt32() != 0);
        if (one.Offset < 0 || one.Length is <= 0 or > MaxChunk || one.At < TimeSpan.Zero || one.Offset > long.MaxValue - one.Length) throw Error("has a read outside of every blob");
        if (read.GetArrayLength() < NamedRead) return one;
        FilePlace file = new(files[read[5].GetInt32()], read[6].GetInt64());
        return file.Offset >= 0 ? one with { File = file } : throw Error("has a read outside of every file");
    }

    private static InvalidFormatException Error(string message) => new("trace", message);
}
