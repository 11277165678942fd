using System.Globalization;
using System.Text.Json;

namespace Sluice.Cli.Output;

/// <summary>Answers about the cache, for people.</summary>
internal static class CacheReport
{
    public static void WriteList(JsonElement answer)
    {
        long limit = Number(answer, "limit");
        Console.Out.WriteLine($"{Size(answer, "used")} used of {(limit == 0 ? "as much as there is" : ByteSize.Text(limit))}; {Size(answer, "held")} can't be evicted: the kernel reads it by itself");
        Console.Out.WriteLine(
            $"since the start: {Size(answer, "stored")} stored, {Size(answer, "evicted")} evicted, {Number(answer, "wrongChunks")} of {Number(answer, "checkedChunks")} chunks wrong, {Number(answer, "writeFailures")} failed writes, {Number(answer, "refusedChunks")} chunks without room");
        Console.Out.WriteLine($"equal chunks of other blobs saved {ByteSize.Text(Number(answer, "shared") + Number(answer, "copied"))} of downloads and {Size(answer, "shared")} of disk");
        foreach (JsonElement blob in answer.GetProperty("blobs").EnumerateArray())
        {
            string chunks = blob.GetProperty("open").GetBoolean() ? $"{Share(blob)} %" : "not in use";
            string marks = string.Concat(Mark(blob, "pinned"), Mark(blob, "held"));
            string images = string.Join(" ", blob.GetProperty("images").EnumerateArray().Select(image => image.GetString()));
            Console.Out.WriteLine($"{blob.GetProperty("digest").GetString()}  {Size(blob, "bytes"),9}  {chunks,10}{marks}  {(images.Length > 0 ? images : "-")}");
        }
    }

    public static void WriteVerification(JsonElement answer)
    {
        Console.Out.WriteLine($"{Number(answer, "chunks")} chunks checked ({Size(answer, "bytes")}), {Number(answer, "wrong")} wrong and dropped");
        if (Number(answer, "unopened") is > 0 and var unopened) Console.Out.WriteLine($"{unopened} blobs are of no image that is here: they are checked when they are read");
    }

    public static void WriteFreed(JsonElement answer) => Console.Out.WriteLine($"{Size(answer, "freed")} given back, {Size(answer, "used")} used");

    public static void WriteArchived(JsonElement answer)
    {
        long refused = Number(answer, "refused");
        Console.Out.WriteLine($"{Number(answer, "chunks")} chunks ({Size(answer, "bytes")}) of {Number(answer, "blobs")} blobs{(refused == 0 ? "" : $"; {refused} refused: wrong, or without room")}");
        foreach (JsonElement image in answer.GetProperty("images").EnumerateArray()) Console.Out.WriteLine($"{image.GetString()}: with metadata, can be pulled without its registry");
        if (answer.TryGetProperty("fault", out JsonElement fault)) Console.Error.WriteLine($"warning: the metadata can't be had, so that nodes that import the file need the registry: {fault.GetString()}");
    }

    public static void WriteManifests(JsonElement answer)
    {
        foreach (JsonElement manifest in answer.GetProperty("manifests").EnumerateArray()) Console.Out.WriteLine(manifest.GetString());
    }

    private static long Number(JsonElement answer, string name) => answer.GetProperty(name).GetInt64();

    private static string Size(JsonElement answer, string name) => ByteSize.Text(Number(answer, name));

    private static string Mark(JsonElement blob, string name) => blob.GetProperty(name).GetBoolean() ? " " + name : "";

    private static string Share(JsonElement blob) =>
        (Number(blob, "storedChunks") * 100 / Math.Max(Number(blob, "chunks"), 1)).ToString(CultureInfo.InvariantCulture);
}
