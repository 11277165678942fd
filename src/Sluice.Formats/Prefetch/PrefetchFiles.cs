using System.Text.Json;
using System.Text.Unicode;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Prefetch;

/// <summary>
/// What to fetch ahead, by files, in order, as Nydus writes it for <c>nydusify optimize --prefetch-files</c>:
/// <c>{"version":"v1","files":[{"path":"/a","ranges":[[offset,length],…]}]}</c>. A file without ranges is meant as a whole. A file may come several times.
/// </summary>
public static class PrefetchFiles
{
    private const string Format = "prefetch files";
    private const string Version = "v1";

    /// <summary>Ranges of a file that we read.</summary>
    public const int MaxRanges = 1 << 17;

    /// <summary>Bytes of a file that we read.</summary>
    public const int MaxLength = 16 << 20;

    /// <exception cref="InvalidFormatException">Something else, or damaged.</exception>
    public static IReadOnlyList<FileRange> Read(ReadOnlyMemory<byte> file)
    {
        if (file.Length > MaxLength) throw Error($"longer than {MaxLength >> 20} MiB");
        List<FileRange> ranges = [];
        try
        {
            using JsonDocument document = JsonDocument.Parse(file);
            if (document.RootElement.GetProperty("version").GetString() is not Version and var version) throw Error($"version '{version}', and {Version} is known");
            foreach (JsonElement entry in document.RootElement.GetProperty("files").EnumerateArray()) Read(entry, ranges);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or IndexOutOfRangeException)
        {
            throw Error(exception.Message);
        }

        return ranges;
    }

    /// <summary>False: the path is no UTF-8, or not absolute.</summary>
    public static bool CanSay(FileName path) => path.Bytes is [(byte)'/', ..] && Utf8.IsValid(path.Bytes) && !path.Bytes.Contains((byte)0);

    /// <summary>What can't be said is left out.</summary>
    public static byte[] Write(IReadOnlyList<FileRange> ranges)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("version"u8, Version);
            writer.WriteStartArray("files"u8);
            FileRange[] sayable = [.. ranges.Where(range => CanSay(range.Path))];
            for (int first = 0, next; first < sayable.Length; first = next)
            {
                next = first + 1;
                while (next < sayable.Length && sayable[next].Path == sayable[first].Path) next++;
                Write(writer, sayable.AsSpan(first, next - first));
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void Read(JsonElement entry, List<FileRange> ranges)
    {
        string path = entry.GetProperty("path").GetString() ?? "";
        if (!path.StartsWith('/') || path.Contains('\0', StringComparison.Ordinal)) throw Error($"the path '{path}'");
        FileName name = new(path);
        if (!entry.TryGetProperty("ranges", out JsonElement parts) || parts.ValueKind == JsonValueKind.Null || parts.GetArrayLength() == 0) ranges.Add(new FileRange(name));
        else foreach (JsonElement part in parts.EnumerateArray()) ranges.Add(ReadRange(name, part));
        if (ranges.Count > MaxRanges) throw Error($"more than {MaxRanges} ranges");
    }

    private static FileRange ReadRange(FileName path, JsonElement part)
    {
        FileRange range = new(path, part[0].GetInt64(), part[1].GetInt64());
        return range is { Offset: >= 0, Length: >= 0 } ? range : throw Error($"{range.Length} bytes at {range.Offset} of '{path}'");
    }

    private static void Write(Utf8JsonWriter writer, ReadOnlySpan<FileRange> ranges)
    {
        writer.WriteStartObject();
        writer.WriteString("path"u8, ranges[0].Path.Bytes);
        if (!ranges[0].IsAll)
        {
            writer.WriteStartArray("ranges"u8);
            foreach (FileRange range in ranges)
            {
                writer.WriteStartArray();
                writer.WriteNumberValue(range.Offset);
                writer.WriteNumberValue(range.Length);
                writer.WriteEndArray();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static InvalidFormatException Error(string message) => new(Format, message);
}
