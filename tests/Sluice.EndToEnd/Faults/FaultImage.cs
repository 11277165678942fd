using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Text;
using Sluice.Build.Convert;
using Sluice.Formats.Oci;
using Sluice.Registry;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.EndToEnd.Faults;

/// <summary>A seeded image of two layers, converted to both formats into a registry. One for all fault tests: it is never changed.</summary>
public sealed class FaultImage : IAsyncLifetime
{
    private static readonly int[] Sizes = [0, 1, 4095, 4096, 70_001, 300_000, 1_000_000, 262_144, 123_456, 2_000_003, 5_000, 640_000];

    private readonly TemporaryDirectory _directory = new();

    internal RegistryServer Registry { get; private set; } = null!;

    /// <summary>Where the registry keeps its blobs.</summary>
    internal string RegistryDirectory => _directory.File("registry");

    /// <summary>Contents by name.</summary>
    internal SortedDictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Names of files that have data.</summary>
    internal string[] Names => [.. Files.Where(file => file.Value.Length > 0).Select(file => file.Key)];

    /// <summary>Names of the first layer's files that have data.</summary>
    internal static string[] FirstLayer => [.. Enumerable.Range(1, (Sizes.Length / 2) - 1).Select(index => $"file-{index * 2:00}")];

    public async ValueTask InitializeAsync()
    {
        if (!LazyMount.IsPossible) return;
        string layout = _directory.File("layout");
        WriteLayout(layout, new Random(20));
        Registry = await RegistryServer.StartAsync(new RegistryOptions { Directory = _directory.File("registry"), Listen = new IPEndPoint(IPAddress.Loopback, 0), Durable = false });
        await using IImageStore from = ImageStores.Open(ImageReference.Parse($"oci:{layout}:v1"), new SourceOptions());
        await using IImageStore to = ImageStores.Open(ImageReference.Parse($"docker://{Registry.Host}/app:v1"), new SourceOptions());
        var options = new ConvertOptions { ChunkSize = 64 << 10, Platform = Platform.Parse("linux/amd64") };
        await new ImageConverter(from, to, options).ConvertAsync("v1", Tag(MountForm.RafsFile), default);
        await new ImageConverter(from, to, options with { Block = new BlockImageOptions { VirtualSize = 64 << 20 } }).ConvertAsync("v1", Tag(MountForm.OverlayBd), default);
    }

    /// <summary>The tag of the image that is mounted so.</summary>
    internal static string Tag(MountForm form) => form == MountForm.OverlayBd ? "overlaybd" : "rafs";

    /// <summary>What <c>sluice mount</c> is told to mount it so from a host, and how.</summary>
    internal static string[] Arguments(MountForm form, string host) =>
        [$"docker://{host}/app:{Tag(form)}", "--mode", Mode(form)];

    /// <summary>What it says to <c>--mode</c>, which is about RAFS images.</summary>
    internal static string Mode(MountForm form) => form == MountForm.RafsLoop ? "loop" : "file";

    public async ValueTask DisposeAsync()
    {
        if (Registry is not null) await Registry.DisposeAsync();
        _directory.Dispose();
    }

    private void WriteLayout(string layout, Random random)
    {
        string blobs = Path.Combine(layout, "blobs", "sha256");
        Directory.CreateDirectory(blobs);
        List<Descriptor> layers = [];
        List<Digest> diffIds = [];
        for (int layer = 0; layer < 2; layer++)
        {
            byte[] tar = Tar(layer, random);
            using MemoryStream compressed = new();
            using (GZipStream gzip = new(compressed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(tar);
            diffIds.Add(Digest.Sha256(tar));
            layers.Add(Put(MediaTypes.OciLayerGzip, compressed.ToArray()));
        }

        ImageManifest manifest = new() { Config = Put(MediaTypes.OciConfig, ImageConfig.Create(Platform.Parse("linux/amd64")).WithLayers(diffIds, []).ToBytes()), Layers = layers };
        Descriptor stored = Put(MediaTypes.OciManifest, manifest.ToBytes());
        File.WriteAllText(
            Path.Combine(layout, "index.json"),
            $$$"""{"schemaVersion":2,"manifests":[{"mediaType":"{{{stored.MediaType}}}","digest":"{{{stored.Digest}}}","size":{{{stored.Size}}},"annotations":{"org.opencontainers.image.ref.name":"v1"}}]}""");
        File.WriteAllText(Path.Combine(layout, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");

        Descriptor Put(string type, byte[] content)
        {
            File.WriteAllBytes(Path.Combine(blobs, Digest.Sha256(content).Hex), content);
            return new Descriptor { MediaType = type, Digest = Digest.Sha256(content), Size = content.Length };
        }
    }

    private byte[] Tar(int layer, Random random)
    {
        using MemoryStream tar = new();
        using (TarWriter writer = new(tar, TarEntryFormat.Pax, leaveOpen: true))
        {
            for (int index = layer; index < Sizes.Length; index += 2)
            {
                byte[] content = new byte[Sizes[index]];
                random.NextBytes(content);
                for (int half = content.Length / 2; half < content.Length; half++) content[half] = (byte)"some text "[half % 10]; // compresses
                string name = $"file-{index:00}";
                Files[name] = content;
                writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content), ModificationTime = DateTimeOffset.UnixEpoch });
            }
        }

        return tar.ToArray();
    }
}
