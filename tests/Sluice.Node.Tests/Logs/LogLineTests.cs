using System.Text.Json;
using Microsoft.Extensions.Logging;
using Sluice.Node.Logs;

namespace Sluice.Node.Tests.Logs;

public sealed class LogLineTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 31, 12, 0, 0, 7, TimeSpan.FromHours(1));

    [Fact]
    public void TextIsTimeLevelAndMessageInOneLine()
    {
        Assert.Equal("2026-01-31T11:00:00.007Z warning no answer from there", Line("no answer\nfrom there").ToText());
        Assert.Equal("2026-01-31T11:00:00.007Z info ready", (Line("ready") with { Level = LogLevel.Information }).ToText());
    }

    [Fact]
    public void JsonHasTheFieldsToo()
    {
        LogLine line = Line("r/app:v1, demand: \"late\"\n", ("Image", "r/app:v1"), ("Cause", "demand"), ("Lines", 7L), ("Message", "late"), ("{OriginalFormat}", "{Image}"), ("None", null));
        Assert.Equal("r/app:v1", line.Image);
        string json = line.ToJson();
        Assert.DoesNotContain('\n', json);
        Assert.Equal(
            """{"time":"2026-01-31T11:00:00.007Z","level":"warning","event":43,"message":"r/app:v1, demand: \"late\"\n","image":"r/app:v1","cause":"demand","lines":7,"none":null}""", json);
        JsonDocument.Parse(json).Dispose();
        Assert.Equal("", Line("x").Image);
    }

    private static LogLine Line(string message, params (string Key, object? Value)[] fields) =>
        new(At, LogLevel.Warning, 43, message, [.. fields.Select(field => KeyValuePair.Create(field.Key, field.Value))]);
}
