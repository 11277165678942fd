using Sluice.Containerd.Grpc;

namespace Sluice.Containerd.Tests.Grpc;

public sealed class GrpcHeadersTests
{
    [Theory]
    [InlineData("1H", 3600.0)]
    [InlineData("2M", 120.0)]
    [InlineData("3S", 3.0)]
    [InlineData("4m", 0.004)]
    [InlineData("5u", 0.000005)]
    [InlineData("600n", 0.0000006)]
    [InlineData("99999999S", 99999999.0)]
    public void Timeouts_have_units(string text, double seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), GrpcHeaders.DecodeTimeout(text));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("S")]
    [InlineData("-1S")]
    [InlineData("999999999S")]
    [InlineData("5x")]
    [InlineData("1.5S")]
    public void Anything_else_is_no_timeout(string? text) => Assert.Null(GrpcHeaders.DecodeTimeout(text));

    [Theory]
    [InlineData(0.0, "1m")]
    [InlineData(1.5, "1500m")]
    [InlineData(200_000.0, "200000S")]
    public void Timeouts_are_written_in_milliseconds_while_they_fit(double seconds, string expected) =>
        Assert.Equal(expected, GrpcHeaders.EncodeTimeout(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Messages_are_printable_ascii_on_the_wire()
    {
        Assert.Equal("a b%0A%25%C3%BC", GrpcHeaders.EncodeMessage("a b\n%ü"));
        Assert.Equal("100%", GrpcHeaders.DecodeMessage("100%"));
        Assert.Equal("a b\n%ü", GrpcHeaders.DecodeMessage("a b%0A%25%C3%BC"));
    }
}
