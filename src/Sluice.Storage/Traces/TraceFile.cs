using System.Globalization;
using System.Text;
using System.Text.Json;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Traces;

/// <summary>
/// A trace as JSON: <c>version</c> (1), <c>manifest</c>, <c>blobs</c> (digests), <c>reads</c> and, where they are known, <c>files</c> (paths). A read is
/// <c>[blob, offset, length, microseconds, was here]</c>: the index of its blob, bytes of blob space, time after the beginning, 0 or 1; and behind that, where a file is known,
/// its index and the place in it in bytes. Where it is known, arrays of as many elements say of each read how long it <c>waited</c>, in microseconds, and <c>from</c> where its bytes came: 0, the cache,
/// or n, the nth of <c>sources</c>. <c>prefetched</c> and <c>unread</c>, bytes, say what was fetched ahead of the start and what of that it did not read; <c>command</c>, with <c>program</c> and <c>id</c>, what the container was started with;
/// <c>warm</c>, true, that the image was mounted before, so that what the kernel had in its page cache is missing.
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

            if (trace.IsWarm) writer.WriteBoolean("warm"u8, true);
            if (trace.Ahead is { } ahead)
            {
                writer.WriteNumber("prefetched"u8, ahead.Fetched);
                writer.WriteNumber("unread"u8, ahead.Unread);
            }

            writer.WriteStartArray("reads"u8);
            foreach (TraceRead read in trace.Reads) Write(writer, read, blobs, files);
            writer.WriteEndArray();
            WriteWaits(writer, trace.Reads);
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
            string[] files = root.TryGetProperty("files", out JsonElement paths) ? Strings(paths) : [];
            JsonElement reads = root.GetProperty("reads");
            if (reads.GetArrayLength() == 0) throw Error("has no reads");
            if (reads.GetArrayLength() > TraceRecorder.MaxReads) throw Error($"has more than {TraceRecorder.MaxReads} reads");
            TraceRead[] all = [.. reads.EnumerateArray().Select(read => ReadOf(read, blobs, files))];
            AddWaits(root, all);
            return new StartTrace(manifest, all) { Ahead = AheadOf(root), Command = CommandOf(root), IsWarm = root.TryGetProperty("warm", out JsonElement warm) && warm.GetBoolean() };
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

    private static void WriteWaits(Utf8JsonWriter writer, IReadOnlyList<TraceRead> reads)
    {
        if (reads.Any(read => read.Waited is null)) return;
        Dictionary<string, int> sources = Number(reads.Select(read => read.Source).OfType<string>());
        writer.WriteStartArray("waited"u8);
        foreach (TraceRead read in reads) writer.WriteNumberValue((long)read.Waited!.Value.TotalMicroseconds);
        writer.WriteEndArray();
        writer.WriteStartArray("sources"u8);
        foreach (string source in sources.Keys) writer.WriteStringValue(source);
        writer.WriteEndArray();
        writer.WriteStartArray("from"u8);
        foreach (TraceRead read in reads) writer.WriteNumberValue(read.Source is { } source ? sources[source] + 1 : 0);
        writer.WriteEndArray();
    }

    private static void AddWaits(JsonElement root, TraceRead[] reads)
    {
        if (!root.TryGetProperty("waited", out JsonElement waited)) return;
        (JsonElement from, string[] sources) = (root.GetProperty("from"), Strings(root.GetProperty("sources")));
        if (waited.GetArrayLength() != reads.Length || from.GetArrayLength() != reads.Length) throw Error("has waits of other reads");
        for (int index = 0; index < reads.Length; index++)
        {
            (TimeSpan wait, int source) = (TimeSpan.FromMicroseconds(waited[index].GetInt64()), from[index].GetInt32());
            if (wait < TimeSpan.Zero || wait > TimeSpan.MaxValue - reads[index].At) throw Error("has a read that waits for no time");
            reads[index] = reads[index] with { Waited = wait, Source = source == 0 ? null : sources[source - 1] };
        }
    }

    private static string[] Strings(JsonElement array) => [.. array.EnumerateArray().Select(one => Printable(one.GetString() ?? ""))];

    /// <summary>What a terminal would obey, or no picture may have, becomes <c>\xNN</c>, as in <see cref="FilePlace.Path"/>.</summary>
    private static string Printable(string text)
    {
        if (!text.Any(IsWrong)) return text;
        return string.Concat(text.Select(one => IsWrong(one) ? string.Concat(Encoding.UTF8.GetBytes([one]).Select(part => $"\\x{part:x2}")) : one.ToString()));

        static bool IsWrong(char one) => char.IsControl(one) || one is '\uFFFE' or '\uFFFF';
    }

    private static PrefetchOutcome? AheadOf(JsonElement root) =>
        root.TryGetProperty("prefetched", out JsonElement fetched) && root.TryGetProperty("unread", out JsonElement unread) ? new PrefetchOutcome(fetched.GetInt64(), unread.GetInt64()) : null;

    private static StartCommand? CommandOf(JsonElement root) =>
        root.TryGetProperty("command", out JsonElement command) ? StartCommand.Parse(Printable(command.GetProperty("program").GetString() ?? ""), command.GetProperty("id").GetString()) : null;

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
