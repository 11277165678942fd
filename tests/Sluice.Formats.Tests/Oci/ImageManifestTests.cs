using System.Text;
using Sluice.Formats.Oci;

namespace Sluice.Formats.Tests.Oci;

public sealed class ImageManifestTests
{
    private const string Hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    private const string Layer = "{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:" + Hex + "\",\"size\":5}";
    private const string Config = "{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:" + Hex + "\",\"size\":7,\"data\":\"e30=\"}";
    private const string Good = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"artifactType\":\"a/b\",\"config\":" + Config
        + ",\"layers\":[" + Layer + "," + Layer + "],\"subject\":" + Layer + ",\"annotations\":{\"a\":\"<&>\",\"b\":\"ü\"},\"future\":{\"x\":[1,2.50]}}";

    [Fact]
    public void Unknown_fields_survive()
    {
        ImageManifest manifest = ImageManifest.Parse(Encoding.UTF8.GetBytes(Good), MediaTypes.OciManifest);
        Assert.Equal(2, manifest.Layers.Count);
        Assert.Equal("a/b", manifest.EffectiveArtifactType);
        Assert.True(manifest.IsContainerImage);
        Assert.Equal(Good, Encoding.UTF8.GetString(manifest.ToBytes()));
    }

    [Fact]
    public void Annotations_are_written_in_order()
    {
        ImageManifest manifest = ImageManifest.Parse(Encoding.UTF8.GetBytes(Good)) with
        {
            Annotations = new Dictionary<string, string> { ["z"] = "1", ["b"] = "2", ["B"] = "3" },
        };
        Assert.Contains("\"annotations\":{\"B\":\"3\",\"b\":\"2\",\"z\":\"1\"}", Encoding.UTF8.GetString(manifest.ToBytes()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("null", "null")]
    [InlineData("[]", "")]
    [InlineData("{}", "")]
    [InlineData("{\"schemaVersion\":1,\"config\":CONFIG,\"layers\":[]}", "schema 1")]
    [InlineData("{\"schemaVersion\":3,\"config\":CONFIG,\"layers\":[]}", "schemaVersion 3")]
    [InlineData("{\"schemaVersion\":2,\"config\":CONFIG,\"layers\":[],\"manifests\":[]}", "at once")]
    [InlineData("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"config\":CONFIG,\"layers\":[]}", "delivered as")]
    [InlineData("{\"schemaVersion\":2,\"config\":CONFIG,\"layers\":[],\"layers\":[]}", "")]
    [InlineData("{\"schemaVersion\":2,\"config\":null,\"layers\":[]}", "")]
    [InlineData("{\"schemaVersion\":2,\"config\":CONFIG,\"layers\":[null]}", "null descriptor")]
    [InlineData("{\"schemaVersion\":2,\"config\":CONFIG,\"layers\":[{\"mediaType\":\"x\",\"digest\":\"md5:0\",\"size\":1}]}", "digest")]
    [InlineData("{\"schemaVersion\":2,\"config\":CONFIG,\"layers\":[{\"mediaType\":\"x\",\"digest\":5,\"size\":1}]}", "digest")]
    [InlineData("{\"schemaVersion\":2,\"config\":CONFIG,\"layers\":[{\"mediaType\":\"\",\"digest\":\"sha256:HEX\",\"size\":1}]}", "media type")]
    [InlineData("{\"schemaVersion\":2,\"config\":CONFIG,\"layers\":[{\"mediaType\":\"x\",\"digest\":\"sha256:HEX\",\"size\":-1}]}", "size -1")]
    [InlineData("{\"schemaVersion\":2,\"config\":CONFIG,\"layers\":[{\"mediaType\":\"x\",\"digest\":\"sha256:HEX\",\"size\":99999999999999999999}]}", "")]
    [InlineData("{\"schemaVersion\":2,\"config\":CONFIG,\"layers\":[],\"annotations\":{\"a\":1}}", "annotation")]
    [InlineData("{\"schemaVersion\":2,\"config\":CONFIG,\"layers\":[],\"annotations\":{\"a\":\"1\",\"a\":\"2\"}}", "twice")]
    public void Bad_manifests_are_refused(string json, string message)
    {
        byte[] content = Encoding.UTF8.GetBytes(json.Replace("CONFIG", Config, StringComparison.Ordinal).Replace("HEX", Hex, StringComparison.Ordinal));
        InvalidFormatException error = Assert.Throws<InvalidFormatException>(() => ImageManifest.Parse(content, MediaTypes.OciManifest));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Limits_hold()
    {
        string many = "{\"schemaVersion\":2,\"config\":" + Config + ",\"layers\":[" + string.Join(',', Enumerable.Repeat(Layer, OciLimits.Layers + 1)) + "]}";
        Assert.Contains("1001 layers", Assert.Throws<InvalidFormatException>(() => ImageManifest.Parse(Encoding.UTF8.GetBytes(many))).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidFormatException>(() => ImageManifest.Parse(new byte[OciLimits.Manifest + 1]));
        string deep = "{\"schemaVersion\":2,\"config\":" + Config + ",\"layers\":[],\"x\":" + new string('[', 100) + new string(']', 100) + "}";
        Assert.Throws<InvalidFormatException>(() => ImageManifest.Parse(Encoding.UTF8.GetBytes(deep)));
    }

    [Fact]
    public void Null_layers_are_none()
    {
        ImageManifest manifest = ImageManifest.Parse(Encoding.UTF8.GetBytes("{\"schemaVersion\":2,\"config\":" + Config + ",\"layers\":null}"));
        Assert.Empty(manifest.Layers);
        Assert.Null(manifest.MediaType);
    }

    [Fact]
    public void Mutations_end_in_a_manifest_or_in_one_error()
    {
        Random random = new(17);
        byte[] good = Encoding.UTF8.GetBytes(Good);
        for (int i = 0; i < 5000; i++)
        {
            byte[] bytes = [.. good];
            for (int n = random.Next(3); n >= 0; n--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                ImageManifest.Parse(bytes.AsSpan(0, random.Next(4) == 0 ? random.Next(bytes.Length) : bytes.Length)).ToBytes();
            }
            catch (InvalidFormatException)
            {
                // The only exception allowed.
            }
        }
    }

    [Theory]
    [InlineData(Good, MediaTypes.OciManifest)]
    [InlineData("{\"manifests\":[]}", MediaTypes.OciIndex)]
    [InlineData("{\"layers\":[]}", MediaTypes.OciManifest)]
    public void Kinds_are_recognised(string json, string type) => Assert.Equal(type, MediaTypes.OfManifest(Encoding.UTF8.GetBytes(json)));
}
