using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Build.Look;
using Sluice.Formats.Oci;
using Sluice.Formats.Trees;

namespace Sluice.Cli.Output;

/// <summary>What <c>sluice inspect</c> says.</summary>
internal static partial class InspectReport
{
    private const int MaxPrefetchLines = 20;

    public static void Print(ImageReference reference, ImageFacts facts)
    {
        TextWriter output = Console.Out;
        output.WriteLine($"image       {reference}");
        output.WriteLine($"manifest    {facts.Manifest.Digest}  {facts.Manifest.MediaType}");
        output.WriteLine($"config      {facts.Manifest.Config}");
        output.WriteLine($"platform    {facts.Platform?.ToString() ?? "unknown"}");
        output.WriteLine($"kind        {KindOf(facts)}");
        output.WriteLine($"layers      {facts.Layers.Count}, {ByteSize.Text(facts.BytesTotal)}");
        foreach (Descriptor layer in facts.Layers) output.WriteLine($"  {layer.Digest}  {ByteSize.Text(layer.Size),9}  {layer.MediaType}");
        if (facts.Rafs is { } rafs) Print(output, rafs);
        if (facts.Device is { } device) Print(output, device);
    }

    public static string ToJson(ImageReference reference, ImageFacts facts) => JsonSerializer.Serialize(
        new Result(
            reference.ToString(),
            facts.Manifest.Digest.ToString(),
            facts.Manifest.MediaType,
            facts.Manifest.Config.ToString(),
            facts.Platform?.ToString(),
            KindOf(facts),
            facts.BytesFetched,
            [.. facts.Layers.Select(l => new Layer(l.MediaType, l.Digest.ToString(), l.Size, l.Annotations))],
            facts.Rafs is null ? null : ToJson(facts.Rafs),
            facts.Device is null ? null : ToJson(facts.Device)),
        InspectJson.Default.Result);

    private static void Print(TextWriter output, RafsFacts rafs)
    {
        output.WriteLine($"bootstrap   {ByteSize.Text(rafs.BootstrapSize)}, blocks of {rafs.BlockSize}, chunks of {rafs.ChunkSize}, {Name(rafs.Compressor)}, {Name(rafs.Digester)}{(rafs.Tarfs ? ", tarfs" : "")}");
        output.WriteLine($"files       {string.Join(", ", rafs.FileCounts.Select(count => $"{count.Value} {NameOf(count.Key)}"))}; {ByteSize.Text(rafs.FileBytes)} of content");
        output.WriteLine($"blobs       {rafs.Blobs.Count}");
        foreach (BlobFacts blob in rafs.Blobs)
        {
            output.WriteLine($"  {blob.Id}  {blob.UsedChunks} of {blob.Chunks} chunks, {ByteSize.Text(blob.CompressedSize)} for {ByteSize.Text(blob.UncompressedSize)}, {Name(blob.Compressor)}  [{blob.Features}]");
        }

        output.WriteLine($"prefetch    {rafs.Prefetch.Count}");
        foreach (FileName path in rafs.Prefetch.Take(MaxPrefetchLines)) output.WriteLine($"  {PrintableName.Of(path)}");
        if (rafs.Prefetch.Count > MaxPrefetchLines) output.WriteLine($"  and {rafs.Prefetch.Count - MaxPrefetchLines} more");
    }

    private static void Print(TextWriter output, DeviceFacts device)
    {
        output.WriteLine($"device      {ByteSize.Text(device.VirtualSize)}, {ByteSize.Text(device.DataSize)} of data in {device.Extents} extents");
        output.WriteLine($"blocks      {device.Layers.Count} layers");
        foreach (BlockLayerFacts layer in device.Layers)
        {
            string stored = layer.Compressor is { } compressor ? $"{Name(compressor)} in blocks of {layer.BlockSize}" : "not compressed";
            output.WriteLine($"  {layer.Uuid}  {ByteSize.Text(layer.DataSize)} in {layer.Extents} extents, {stored}{(layer.Tag.Length == 0 ? "" : $"  '{PrintableName.Of(new FileName(layer.Tag))}'")}");
        }
    }

    private static Device ToJson(DeviceFacts device) => new(
        device.VirtualSize,
        device.Extents,
        device.DataSize,
        [.. device.Layers.Select(l => new BlockLayer(l.Digest.ToString(), l.Uuid, l.ParentUuid, l.Tag, l.Compressor is { } c ? Name(c) : null, l.BlockSize, l.Extents, l.DataSize))]);

    private static Rafs ToJson(RafsFacts rafs) => new(
        rafs.Version,
        rafs.BlockSize,
        rafs.ChunkSize,
        Name(rafs.Compressor),
        Name(rafs.Digester),
        rafs.Tarfs,
        rafs.BootstrapSize,
        [.. rafs.Blobs.Select(b => new Blob(b.Id, b.Features.ToString().Split(", "), Name(b.Compressor), b.Chunks, b.UsedChunks, b.CompressedSize, b.UncompressedSize))],
        [.. rafs.Prefetch.Select(PrintableName.Of)],
        rafs.FileCounts.ToDictionary(count => NameOf(count.Key), count => count.Value, StringComparer.Ordinal),
        rafs.FileBytes);

    private static string KindOf(ImageFacts facts) => facts.Rafs is { } rafs ? $"rafs v{rafs.Version}" : facts.Device is null ? "oci" : "overlaybd";

    private static string Name<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static string NameOf(FileType type) => type switch
    {
        FileType.Directory => "directories",
        FileType.Regular => "files",
        FileType.SymbolicLink => "links",
        FileType.CharacterDevice => "character devices",
        FileType.BlockDevice => "block devices",
        FileType.Fifo => "fifos",
        _ => "sockets",
    };

    private sealed record Result(
        string Reference, string Digest, string MediaType, string Config, string? Platform, string Kind, long BytesFetched, IReadOnlyList<Layer> Layers, Rafs? Rafs, Device? Device);

    private sealed record Layer(string MediaType, string Digest, long Size, IReadOnlyDictionary<string, string>? Annotations);

    private sealed record Rafs(
        int Version,
        int BlockSize,
        int ChunkSize,
        string Compressor,
        string Digester,
        bool Tarfs,
        long BootstrapSize,
        IReadOnlyList<Blob> Blobs,
        IReadOnlyList<string> Prefetch,
        IReadOnlyDictionary<string, int> Files,
        long FileBytes);

    private sealed record Blob(
        string Id, IReadOnlyList<string> Features, string Compressor, int Chunks, int UsedChunks, long CompressedSize, long UncompressedSize);

    private sealed record Device(long VirtualSize, int Extents, long DataSize, IReadOnlyList<BlockLayer> Layers);

    private sealed record BlockLayer(string Digest, string Uuid, string ParentUuid, string Tag, string? Compressor, int BlockSize, int Extents, long DataSize);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(Result))]
    private sealed partial class InspectJson : JsonSerializerContext;
}
