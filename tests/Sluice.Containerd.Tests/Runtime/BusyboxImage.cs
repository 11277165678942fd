using System.Formats.Tar;
using System.Text;
using System.Text.Json.Nodes;
using Sluice.Containerd.Client;
using Sluice.Formats.Oci;

namespace Sluice.Containerd.Tests.Runtime;

/// <summary>A tiny image of two layers: a static busybox, and a file above it.</summary>
internal sealed class BusyboxImage
{
    public const string Name = "registry.invalid/busybox:test";

    private const string Busybox = "/usr/bin/busybox";

    private readonly List<byte[]> _layers = [];

    /// <param name="layerMediaType">Media type that the manifest gives to the layers.</param>
    public BusyboxImage(string layerMediaType = MediaTypes.OciLayer)
    {
        if (!File.Exists(Busybox)) Assert.Skip("busybox is not installed");
        _layers.Add(Tar(
            Directory("bin/"),
            new PaxTarEntry(TarEntryType.RegularFile, "bin/busybox") { Mode = (UnixFileMode)0x1ed, DataStream = new MemoryStream(File.ReadAllBytes(Busybox)) },
            new PaxTarEntry(TarEntryType.SymbolicLink, "bin/sh") { LinkName = "busybox" },
            new PaxTarEntry(TarEntryType.SymbolicLink, "bin/cat") { LinkName = "busybox" }));
        _layers.Add(Tar(
            Directory("etc/"),
            new PaxTarEntry(TarEntryType.RegularFile, "etc/state") { Mode = (UnixFileMode)0x1a4, DataStream = new MemoryStream("READY\n"u8.ToArray()) }));
        Config = Document(MediaTypes.OciConfig, new JsonObject
        {
            ["architecture"] = "amd64",
            ["os"] = "linux",
            ["config"] = new JsonObject { ["Cmd"] = new JsonArray("/bin/cat", "/etc/state") },
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = Array(_layers.Select(layer => JsonValue.Create(Digest.Sha256(layer).ToString()))) },
        });
        Manifest = Document(MediaTypes.OciManifest, new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = MediaTypes.OciManifest,
            ["config"] = Descriptor(Config.MediaType, Config.Content.ToArray()),
            ["layers"] = Array(_layers.Select(layer => Descriptor(layerMediaType, layer))),
        });
    }

    public ImageDocument Config { get; }

    public ImageDocument Manifest { get; }

    /// <summary>An index of two platforms, of which one is not stored anywhere.</summary>
    public ImageDocument Index
    {
        get
        {
            JsonObject foreign = Descriptor(Manifest.MediaType, "another platform"u8.ToArray());
            foreign["platform"] = new JsonObject { ["architecture"] = "riscv64", ["os"] = "linux" };
            JsonObject own = Descriptor(Manifest.MediaType, Manifest.Content.ToArray());
            own["platform"] = new JsonObject { ["architecture"] = "amd64", ["os"] = "linux" };
            return Document(MediaTypes.OciIndex, new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = MediaTypes.OciIndex, ["manifests"] = new JsonArray(foreign, own) });
        }
    }

    /// <summary>What <c>sluice pull</c> hands to <see cref="ImagePull"/>; the topmost layer completes the image.</summary>
    public ImageToRegister ToRegister() => new()
    {
        Name = Name,
        Manifest = Manifest,
        Config = Config,
        Snapshotter = "sluice",
        Layers = [.. _layers.Select((layer, index) => new LayerToRegister(
            Digest.Sha256(layer), Digest.Sha256(layer), index == _layers.Count - 1 ? new Dictionary<string, string> { [FakeLazyImages.TopLabel] = "true" } : []))],
    };

    /// <summary>An OCI archive for <c>ctr images import</c>.</summary>
    public void WriteArchive(string path)
    {
        JsonObject index = new()
        {
            ["schemaVersion"] = 2,
            ["manifests"] = new JsonArray(Annotated(Descriptor(Manifest.MediaType, Manifest.Content.ToArray()))),
        };
        using TarWriter tar = new(File.Create(path));
        Add(tar, "oci-layout", """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray());
        Add(tar, "index.json", Encoding.UTF8.GetBytes(index.ToJsonString()));
        foreach (byte[] blob in _layers.Append(Config.Content.ToArray()).Append(Manifest.Content.ToArray())) Add(tar, "blobs/sha256/" + Digest.Sha256(blob).Hex, blob);

        static JsonObject Annotated(JsonObject descriptor)
        {
            descriptor["annotations"] = new JsonObject { ["io.containerd.image.name"] = Name };
            return descriptor;
        }
    }

    /// <summary>The merged tree, as a mount of the lazy image would show it.</summary>
    public void Unpack(string directory)
    {
        foreach (byte[] layer in _layers) TarFile.ExtractToDirectory(new MemoryStream(layer), directory, overwriteFiles: true);
    }

    private static JsonArray Array(IEnumerable<JsonNode?> nodes) => new([.. nodes]);

    private static JsonObject Descriptor(string mediaType, byte[] content) =>
        new() { ["mediaType"] = mediaType, ["digest"] = Digest.Sha256(content).ToString(), ["size"] = content.Length };

    private static ImageDocument Document(string mediaType, JsonObject json) => new(mediaType, Encoding.UTF8.GetBytes(json.ToJsonString()));

    private static PaxTarEntry Directory(string name) => new(TarEntryType.Directory, name) { Mode = (UnixFileMode)0x1ed };

    private static byte[] Tar(params PaxTarEntry[] entries)
    {
        using MemoryStream stream = new();
        using (TarWriter tar = new(stream, leaveOpen: true))
        {
            foreach (PaxTarEntry entry in entries)
            {
                entry.ModificationTime = DateTimeOffset.UnixEpoch;
                tar.WriteEntry(entry);
            }
        }

        return stream.ToArray();
    }

    private static void Add(TarWriter tar, string name, byte[] content) =>
        tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
}
