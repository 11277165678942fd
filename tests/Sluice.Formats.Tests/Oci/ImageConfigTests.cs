using System.Text;
using Sluice.Formats.Oci;

namespace Sluice.Formats.Tests.Oci;

public sealed class ImageConfigTests
{
    private const string A = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const string B = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    private const string Before = "{\"zebra\" : 1.50,\"architecture\":\"arm\",\"variant\":\"v7\",\"config\":{ \"Env\":[\"A=\\u003cb\\u003e\"], \"Healthcheck\":{\"Interval\":1e3} },";
    private const string After = ",\"os\":\"linux\",\"created\":\"2024-01-01T00:00:00.123456789Z\"}";
    private const string Good = Before + "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" + A + "\"]},\"history\":[{\"created_by\":\"x\",\"empty_layer\":true,\"more\":1}]" + After;

    [Fact]
    public void Only_layers_and_history_change()
    {
        ImageConfig config = ImageConfig.Parse(Encoding.UTF8.GetBytes(Good));
        Assert.Equal(A, Assert.Single(config.DiffIds).ToString());
        Assert.True(Assert.Single(config.History).EmptyLayer);
        Assert.Equal("linux/arm/v7", config.Platform!.ToString());
        Assert.Equal(Good.Replace("\"zebra\" : ", "\"zebra\":", StringComparison.Ordinal), Encoding.UTF8.GetString(config.ToBytes()));
        ImageConfig changed = config.WithLayers([Digest.Parse(B), Digest.Parse(B)], [new HistoryEntry { CreatedBy = "sluice" }]);
        string expected = Before.Replace("\"zebra\" : ", "\"zebra\":", StringComparison.Ordinal)
            + "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" + B + "\",\"" + B + "\"]},\"history\":[{\"created_by\":\"sluice\"}]" + After;
        Assert.Equal(expected, Encoding.UTF8.GetString(changed.ToBytes()));
        Assert.Equal(2, ImageConfig.Parse(changed.ToBytes()).DiffIds.Count);
    }

    [Fact]
    public void Layers_must_match_the_manifest()
    {
        ImageConfig config = ImageConfig.Parse(Encoding.UTF8.GetBytes(Good));
        Descriptor some = new() { MediaType = "x/y", Digest = Digest.Parse(A), Size = 1 };
        config.CheckLayers(new ImageManifest { Config = some, Layers = [some] });
        InvalidFormatException error = Assert.Throws<InvalidFormatException>(() => config.CheckLayers(new ImageManifest { Config = some, Layers = [some, some] }));
        Assert.Contains("1 diff ids, but the manifest has 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_new_one_is_minimal()
    {
        byte[] bytes = ImageConfig.Create(Platform.Parse("linux/arm64")).ToBytes();
        Assert.Equal("{\"architecture\":\"arm64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"history\":[]}", Encoding.UTF8.GetString(bytes));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{\"rootfs\":{\"type\":\"other\",\"diff_ids\":[]}}")]
    [InlineData("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[5]}}")]
    [InlineData("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":{}}}")]
    [InlineData("{\"rootfs\":{},\"rootfs\":{}}")]
    [InlineData("{\"rootfs\":{},\"\\ud800\":1}")]
    [InlineData("{\"rootfs\":{},\"created\":\"\\udc00\"}")]
    [InlineData("{\"rootfs\":{},\"history\":5}")]
    [InlineData("{\"rootfs\":{},\"history\":[null]}")]
    [InlineData("{\"rootfs\":{},\"history\":[{\"created_by\":5}]}")]
    public void Bad_ones_are_refused(string json) => Assert.Throws<InvalidFormatException>(() => ImageConfig.Parse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Mutations_end_in_a_config_or_in_one_error()
    {
        Random random = new(18);
        byte[] good = Encoding.UTF8.GetBytes(Good);
        for (int i = 0; i < 5000; i++)
        {
            byte[] bytes = [.. good];
            for (int n = random.Next(3); n >= 0; n--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                ImageConfig config = ImageConfig.Parse(bytes);
                config.ToBytes();
                _ = config.Platform;
                _ = config.Created;
            }
            catch (InvalidFormatException)
            {
                // The only exception allowed.
            }
        }
    }
}
