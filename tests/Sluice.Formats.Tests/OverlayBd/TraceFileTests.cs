using Sluice.Formats.OverlayBd;

namespace Sluice.Formats.Tests.OverlayBd;

public sealed class TraceFileTests
{
    [Fact]
    public void The_golden_trace_is_read()
    {
        TraceRecord[] records = TraceFile.Read(GoldenFiles.Read("trace/stack3.trace"));
        Assert.Equal(43, records.Length);
        Assert.Equal(new TraceRecord('R', 0, 0, 4096), records[0]);
        Assert.Equal(new TraceRecord('R', 1, 0, 4096), records[1]);
        Assert.Equal(new TraceRecord('R', 0, 0x306000, 4096), records[3]);
    }

    [Fact]
    public void Traces_read_back()
    {
        TraceRecord[] records = [new('R', 0, 1L << 40, 65536), new('W', 254, 0, 0), new('R', 3, 512, 1 << 20)];
        byte[] file = TraceFile.Write(records);
        Assert.True(TraceFile.IsMatch(file));
        Assert.Equal(records, TraceFile.Read(file));
        Assert.Empty(TraceFile.Read(TraceFile.Write([])));
    }

    [Fact]
    public void Damage_is_refused()
    {
        byte[] file = TraceFile.Write([new('R', 0, 4096, 65536), new('R', 1, 512, 1 << 20)]);
        for (int bit = 0; bit < file.Length * 8; bit++)
        {
            // The header's padding means nothing.
            if (bit / 8 is (>= 4 and < 8) or (>= 20 and < 24)) continue;
            byte[] damaged = [.. file];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<InvalidFormatException>(() => TraceFile.Read(damaged));
        }

        Assert.Throws<InvalidFormatException>(() => TraceFile.Read(file.AsSpan(..^1)));
        Assert.False(TraceFile.IsMatch("/usr/bin/sh\n"u8));
    }
}
