using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Sluice.Containerd.Snapshots;
using Sluice.Node.Tests.Support;

namespace Sluice.Node.Tests.Logs;

/// <summary>Numbers of events are an interface: alerts of others match on them. docs/logs.md is their snapshot.</summary>
public sealed partial class EventNumbersTests
{
    [Fact]
    public void EachEventHasANumberOfItsOwnAndIsDocumented()
    {
        (int Number, LogLevel Level)[] events =
        [
            .. new[] { typeof(NodeDaemon).Assembly, typeof(Snapshotter).Assembly }
                .SelectMany(assembly => assembly.GetTypes())
                .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>())
                .Where(message => message is not null)
                .Select(message => (message!.EventId, message.Level))
                .Append((90, LogLevel.Warning)) // of the command line: lines that were left out
                .OrderBy(entry => entry.Item1),
        ];
        Assert.Equal(events.DistinctBy(entry => entry.Number), events);
        Assert.Equal(events.Select(entry => $"{entry.Number} {LevelName(entry.Level)}"), Row().Matches(Repository.Read("docs/logs.md")).Select(match => $"{match.Groups[1].Value} {match.Groups[2].Value}"));
    }

    private static string LevelName(LogLevel level) => level switch
    {
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warning",
        _ => "error",
    };

    [GeneratedRegex(@"^\| (\d+) \| (\w+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
