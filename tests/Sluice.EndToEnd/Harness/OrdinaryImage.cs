using System.Formats.Tar;
using System.Text;
using System.Text.Json.Nodes;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Harness;

/// <summary>
/// An ordinary image to convert: a static busybox; data of which nothing is read at the start; <c>/etc/state</c>, which the
/// default command prints. Always the same bytes for the same seed.
/// </summary>
internal sealed class OrdinaryImage
{
    public const int DataFiles = 8;
    public const int DataFileSize = 1 << 20;

    private static readonly string[] Applets = ["sh", "cat", "ls", "sleep", "echo", "sha256sum", "test", "true", "stat", "find", "head"];

    private readonly List<byte[]> _layers = [];

    /// <param name="state">What <c>/etc/state</c> holds.</param>
    /// <param name="architecture">As the configuration says.</param>
    /// <param name="dataFiles">Of <see cref="DataFileSize"/> each, which no compression makes smaller.</param>
    public OrdinaryImage(string state = "READY", int seed = 1, string architecture = "amd64", int dataFiles = DataFiles, params string[] command)
    {
        string busybox = Command.Require("busybox");
        Random random = new(seed);
        _layers.Add(Tar(
        [
            Directory("bin/"), Directory("tmp/"), Directory("proc/"), Directory("dev/"), Directory("sys/"), Directory("run/"),
            Regular("bin/busybox", File.ReadAllBytes(busybox), 0x1ed),
            .. Applets.Select(name => new PaxTarEntry(TarEntryType.SymbolicLink, "bin/" + name) { LinkName = "busybox" }),
        ]));
        _layers.Add(Tar([Directory("data/"), .. Enumerable.Range(0, dataFiles).Select(i => Regular($"data/{i}", Bytes(random), 0x1a4))]));
        _layers.Add(Tar([Directory("etc/"), Regular("etc/state", Encoding.UTF8.GetBytes(state + "\n"), 0x1a4)]));
        Config = Encoding.UTF8.GetBytes(new JsonObject
        {
            ["architecture"] = architecture,
            ["os"] = "linux",
            ["config"] = new JsonObject { ["Env"] = new JsonArray("PATH=/bin"), ["Cmd"] = Array(command is [] ? ["/bin/cat", "/etc/state"] : command) },
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = Array(_layers.Select(layer => Digest.Sha256(layer).ToString())) },
        }.ToJsonString());
        Manifest = Encoding.UTF8.GetBytes(new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = MediaTypes.OciManifest,
            ["config"] = Describe(MediaTypes.OciConfig, Config),
            ["layers"] = new JsonArray([.. _layers.Select(layer => Describe(MediaTypes.OciLayer, layer))]),
        }.ToJsonString());
    }

    public byte[] Config { get; }

    public byte[] Manifest { get; }

    /// <summary>Stores the image under <paramref name="reference"/>, e.g. <c>127.0.0.1:5000/app:v1</c> or <c>oci:/tmp/x:v1</c>.</summary>
    public async Task PushAsync(string reference)
    {
        ImageReference name = ImageReference.Parse(reference);
        await using IImageStore store = ImageStores.Open(name, new SourceOptions());
        await PushAsync(store, name.Tag);
    }

    /// <summary>Stores several images as one index.</summary>
    public static async Task PushIndexAsync(string reference, params (string Architecture, OrdinaryImage Image)[] images)
    {
        ImageReference name = ImageReference.Parse(reference);
        await using IImageStore store = ImageStores.Open(name, new SourceOptions());
        JsonArray entries = [];
        foreach ((string architecture, OrdinaryImage image) in images)
        {
            await image.PushAsync(store, tag: null);
            JsonObject entry = Describe(MediaTypes.OciManifest, image.Manifest);
            entry["platform"] = new JsonObject { ["architecture"] = architecture, ["os"] = "linux" };
            entries.Add((JsonNode)entry);
        }

        byte[] index = Encoding.UTF8.GetBytes(new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = MediaTypes.OciIndex, ["manifests"] = entries }.ToJsonString());
        await store.PutManifestAsync(new StoredManifest(MediaTypes.OciIndex, Digest.Sha256(index), index), name.Tag, TestMachine.Cancellation);
    }

    /// <summary>Digest of <c>cat /data/*</c>, in hexadecimal.</summary>
    public static string DataSha256(int seed)
    {
        Random random = new(seed);
        return Digest.Sha256([.. Enumerable.Range(0, DataFiles).SelectMany(_ => Bytes(random))]).Hex;
    }

    private async Task PushAsync(IImageStore store, string? tag)
    {
        foreach (byte[] blob in _layers.Append(Config))
        {
            await using IBlobUpload upload = await store.StartUploadAsync(TestMachine.Cancellation);
            await upload.WriteAsync(blob, TestMachine.Cancellation);
            await upload.CommitAsync(Digest.Sha256(blob), TestMachine.Cancellation);
        }

        await store.PutManifestAsync(new StoredManifest(MediaTypes.OciManifest, Digest.Sha256(Manifest), Manifest), tag, TestMachine.Cancellation);
    }

    private static byte[] Bytes(Random random)
    {
        byte[] bytes = new byte[DataFileSize];
        random.NextBytes(bytes);
        return bytes;
    }

    private static JsonArray Array(IEnumerable<string> values) => new([.. values.Select(value => JsonValue.Create(value))]);

    private static JsonObject Describe(string mediaType, byte[] content) =>
        new() { ["mediaType"] = mediaType, ["digest"] = Digest.Sha256(content).ToString(), ["size"] = content.Length };

    private static PaxTarEntry Directory(string name) => new(TarEntryType.Directory, name) { Mode = (UnixFileMode)0x1ed };

    private static PaxTarEntry Regular(string name, byte[] content, int mode) =>
        new(TarEntryType.RegularFile, name) { Mode = (UnixFileMode)mode, DataStream = new MemoryStream(content) };

    private static byte[] Tar(IEnumerable<PaxTarEntry> entries)
    {
        using MemoryStream stream = new();
        using (TarWriter tar = new(stream, leaveOpen: true))
        {
            foreach (PaxTarEntry entry in entries)
            {
                entry.ModificationTime = DateTimeOffset.UnixEpoch.AddDays(1);
                tar.WriteEntry(entry);
            }
        }

        return stream.ToArray();
    }
}
