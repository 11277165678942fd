using Microsoft.Extensions.Logging;
using Sluice.Node.Status;
using Sluice.Node.Tests.Support;

namespace Sluice.Node.Tests.Status;

public sealed class RecentLinesTests
{
    private readonly SteppedTime _time = new();

    [Fact]
    public void TheLatestOfEachKindIsRememberedWithItsCount()
    {
        RecentLines recent = new(_time);
        Say(recent, LogLevel.Warning, 41, "a", "first");
        Say(recent, LogLevel.Error, 43, "b", "other");
        Say(recent, LogLevel.Warning, 41, "a", "second");
        Say(recent, LogLevel.Information, 2, null, "ready");
        Assert.Equal((2, 1), (recent.Warnings, recent.Errors));
        Assert.Equal([("second", "warning", "a", 2), ("other", "error", "b", 1)], recent.Lines().Select(line => (line.Message, line.Level, line.Image!, (int)line.Count)));
    }

    [Fact]
    public void OldKindsGiveWay()
    {
        RecentLines recent = new(_time);
        for (int kind = 0; kind < 100; kind++) Say(recent, LogLevel.Warning, kind, null, $"{kind}");
        Assert.Equal(100, recent.Warnings);
        Assert.Equal(Enumerable.Range(80, 20).Reverse(), recent.Lines().Select(line => line.Event));
    }

    private void Say(RecentLines recent, LogLevel level, int kind, string? image, string message)
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        KeyValuePair<string, object?>[] fields = image is null ? [] : [KeyValuePair.Create<string, object?>("Image", image)];
        recent.Log(level, kind, fields, null, (_, _) => message);
    }
}
