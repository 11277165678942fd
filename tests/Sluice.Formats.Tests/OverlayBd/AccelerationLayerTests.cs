using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Artifacts;

namespace Sluice.Formats.Tests.OverlayBd;

public sealed class AccelerationLayerTests
{
    [Fact]
    public void A_real_trace_goes_in_and_comes_out()
    {
        byte[] trace = GoldenFiles.Read("trace/stack3.trace");
        byte[] layer = AccelerationLayer.Pack(trace);
        Assert.Equal(layer, AccelerationLayer.Pack(trace));
        Assert.Equal(trace, AccelerationLayer.Read(new MemoryStream(layer)));
        Assert.Equal(43, TraceFile.Read(AccelerationLayer.Read(new MemoryStream(layer))).Length);
    }

    [Fact]
    public void What_is_none_is_refused()
    {
        byte[] layer = AccelerationLayer.Pack(new byte[5000]);
        Assert.Throws<InvalidFormatException>(() => AccelerationLayer.Read(new MemoryStream(layer[..3000])));
        Assert.Throws<InvalidFormatException>(() => AccelerationLayer.Read(new MemoryStream(new byte[10240])));
    }
}
