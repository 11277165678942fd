using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Sluice.Formats.Oci;

namespace Sluice.Registry.Tests;

/// <summary>An OCI image layout with an image of two small layers.</summary>
internal static class ImageLayout
{
    /// <returns>The manifest's digest.</returns>
    public static Digest Write(string directory, string tag, int seed)
    {
        string blobs = Path.Combine(directory, "blobs", "sha256");
        Directory.CreateDirectory(blobs);
        Random random = new(seed);
        (string, Digest)[] layers = [WriteLayer(blobs, "one", random), WriteLayer(blobs, "two", random)];
        string diffIds = string.Join(',', layers.Select(layer => $"\"{layer.Item2}\""));
        string config = WriteBlob(
            blobs,
            MediaTypes.OciConfig,
            $$$"""{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[{{{diffIds}}}]},"history":[{"created_by":"one"},{"created_by":"two"}]}""");
        string manifest = WriteBlob(
            blobs,
            MediaTypes.OciManifest,
            $$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.OciManifest}}","config":{{config}},"layers":[{{string.Join(',', layers.Select(layer => layer.Item1))}}]}""",
            $$""","annotations":{"org.opencontainers.image.ref.name":"{{tag}}"}""");
        File.WriteAllText(Path.Combine(directory, "index.json"), $$"""{"schemaVersion":2,"manifests":[{{manifest}}]}""");
        File.WriteAllText(Path.Combine(directory, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        return Digest.Parse(manifest[(manifest.IndexOf("sha256:", StringComparison.Ordinal))..][..71]);
    }

    private static (string Descriptor, Digest DiffId) WriteLayer(string blobs, string name, Random random)
    {
        byte[] content = new byte[200_000];
        random.NextBytes(content);
        using MemoryStream tar = new();
        using (TarWriter writer = new(tar, TarEntryFormat.Pax, leaveOpen: true))
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
        using MemoryStream compressed = new();
        using (GZipStream gzip = new(compressed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(tar.ToArray());
        return (WriteBlob(blobs, MediaTypes.OciLayerGzip, compressed.ToArray(), ""), Digest.Sha256(tar.ToArray()));
    }

    private static string WriteBlob(string blobs, string mediaType, string content, string fields = "") =>
        WriteBlob(blobs, mediaType, Encoding.UTF8.GetBytes(content), fields);

    private static string WriteBlob(string blobs, string mediaType, byte[] content, string fields)
    {
        Digest digest = Digest.Sha256(content);
        File.WriteAllBytes(Path.Combine(blobs, digest.Hex), content);
        return $$"""{"mediaType":"{{mediaType}}","digest":"{{digest}}","size":{{content.Length}}{{fields}}}""";
    }
}
