using System.Text;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Testing;

namespace Sluice.Formats.Tests.OverlayBd;

public sealed class DeviceConfigTests
{
    [Fact]
    public void TheGoldenStackIsRead()
    {
        DeviceConfig config = DeviceConfig.Parse(File.ReadAllBytes(Golden.Path("overlaybd/tar/stack3.config.v1.json")));
        Assert.Equal(["ext4_layer1.tar", "ext4_layer2.tar", "ext4_layer3.tar"], config.Lowers!.Select(layer => layer.File));
        Assert.Equal("", config.RepoBlobUrl);
    }

    [Fact]
    public void TheLayerWithTheTraceIsLeftOut()
    {
        DeviceConfig config = Parse("""{"lowers":[{"digest":"a","size":7},{"dir":"/trace"}],"accelerationLayer":true,"download":{"enable":true}}""");
        Assert.Equal(("a", 7L), (Assert.Single(config.Lowers!).Digest, config.Lowers![0].Size));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"lowers":[]}""")]
    [InlineData("""{"lowers":[null]}""")]
    [InlineData("""{"lowers":[{"size":"x"}]}""")]
    [InlineData("""{"lowers":[{"dir":"/trace"}],"accelerationLayer":true}""")]
    public void WhatIsNoneIsRefused(string text) => Assert.Throws<InvalidFormatException>(() => Parse(text));

    [Theory]
    [InlineData("""{"lowers":[{"file":"a","targetFile":"b"}]}""", "TurboOCI")]
    [InlineData("""{"lowers":[{"file":"a"}],"upper":{"data":"d","index":"i"}}""", "writable")]
    public void WhatIsNotServedIsNamed(string text, string says) => Assert.Contains(says, Assert.Throws<SluiceException>(() => Parse(text)).Message, StringComparison.Ordinal);

    private static DeviceConfig Parse(string text) => DeviceConfig.Parse(Encoding.UTF8.GetBytes(text));
}
