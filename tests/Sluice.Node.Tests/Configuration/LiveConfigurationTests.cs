using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Formats;
using Sluice.Node.Admin;
using Sluice.Node.Configuration;
using Sluice.Node.Tests.Support;

namespace Sluice.Node.Tests.Configuration;

public sealed partial class LiveConfigurationTests
{
    private string _text = "";

    [Fact]
    public void KeysThatCanChangeDoAndTheOthersAreNamed()
    {
        LiveConfiguration live = Open("root: /a\nfetch: {concurrency: 3}\n");
        List<NodeOptions> seen = [];
        live.Changed += seen.Add;
        _text = "root: /b\nlog_level: debug\nfetch: {concurrency: 5, deadline_seconds: 9}\n";
        ReloadedConfiguration result = live.Reload();
        Assert.Equal(["log_level", "fetch.deadline_seconds", "fetch.concurrency"], result.Changed);
        Assert.Equal(["root"], result.Restart);
        Assert.Same(live.Current, Assert.Single(seen));
        Assert.Equal(("/a", true, 5, 9d, 3d), (live.Current.Root, live.Current.Verbose, live.Current.Fetch.TotalConcurrency, live.Current.Fetch.RequestDeadline.TotalSeconds, live.Current.Fetch.AttemptTimeout.TotalSeconds));

        ReloadedConfiguration again = live.Reload();
        Assert.Empty(again.Changed);
        Assert.Equal(["root"], again.Restart);
        Assert.Single(seen);
    }

    [Fact]
    public void AWrongFileChangesNothing()
    {
        LiveConfiguration live = Open("log_level: debug\n");
        NodeOptions before = live.Current;
        _text = "log_level: info\nfetch: {concurrency: 0}\n";
        using ConfigurationWatch watch = new(live, NullLogger.Instance, TimeProvider.System);
        SluiceException error = Assert.Throws<SluiceException>(watch.Reload);
        Assert.Equal((SluiceError.Configuration, "f:2"), (error.Error, error.Culprit));
        Assert.Same(before, live.Current);
    }

    [Fact]
    public void AFaultOfAnyKindIsSaidAndTheOldOneHolds()
    {
        Func<NodeOptions> read = () => new NodeOptions();
        LiveConfiguration live = new(() => read());
        NodeOptions before = live.Current;
        using ConfigurationWatch watch = new(live, NullLogger.Instance, TimeProvider.System);
        read = () => throw new DirectoryNotFoundException("gone");
        Assert.Contains("gone", Assert.Throws<SluiceException>(watch.Reload).Message, StringComparison.Ordinal);
        Assert.Same(before, live.Current);
    }

    [Fact]
    public void AChangeThatFailedIsTriedAgain()
    {
        LiveConfiguration live = Open("fetch: {concurrency: 3}\n");
        int attempts = 0;
        live.Prepare = _ => () =>
        {
            if (++attempts == 1) throw new IOException();
        };
        _text = "fetch: {concurrency: 5}\n";
        Assert.Throws<IOException>(live.Reload);
        Assert.Equal(3, live.Current.Fetch.TotalConcurrency);
        Assert.Equal(["fetch.concurrency"], live.Reload().Changed);
        Assert.Equal((2, 5), (attempts, live.Current.Fetch.TotalConcurrency));
    }

    /// <summary>A key that is missing in the table would be changed in the file and nobody would say that nothing came of it.</summary>
    [Fact]
    public void EveryKeyOfTheFileIsInTheTableAndInTheDocument()
    {
        string[] keys = [.. ConfigurationKeys.All.Select(key => key.Name)];
        SluiceException top = Assert.Throws<SluiceException>(() => ConfigurationFile.Parse("nothing: 1", "f"));
        List<string> known = [];
        foreach (string name in Listed(top))
        {
            try
            {
                ConfigurationFile.Parse($"{name}: {{nothing: 1}}", "f");
            }
            catch (SluiceException error) when (error.Message.Contains("is not a setting", StringComparison.Ordinal))
            {
                known.AddRange(Listed(error).Select(key => $"{name}.{key}"));
                continue;
            }
            catch (SluiceException)
            {
                // Takes a value.
            }

            known.Add(name);
        }

        Assert.Equal(known.Order(), keys.Order());
        string live = LiveKeys().Match(Repository.Read("docs/configuration.md")).Groups[1].Value;
        Assert.Equal(ConfigurationKeys.All.Where(key => key.Take is not null).Select(key => key.Name), Quoted().Matches(live).Select(match => match.Groups[1].Value));

        static string[] Listed(SluiceException error) => error.Message.Split("there are: ")[1].Split(", ");
    }

    [Fact]
    public void TheAnswerComesBackAsItWasWritten()
    {
        ReloadedConfiguration sent = new(["log_level"], ["root", "state"]);
        ReloadedConfiguration received = ReloadedConfiguration.Parse(JsonDocument.Parse(AdminJson.Write(sent.Write)).RootElement)!;
        Assert.Equal(sent.Changed, received.Changed);
        Assert.Equal(sent.Restart, received.Restart);
        Assert.Null(ReloadedConfiguration.Parse(JsonDocument.Parse("""{"changed":[1],"restart":[]}""").RootElement));
    }

    private LiveConfiguration Open(string text)
    {
        _text = text;
        return new LiveConfiguration(() => ConfigurationFile.Parse(_text, "f"));
    }

    [GeneratedRegex("These take effect at once: ([^;]*);", RegexOptions.Singleline)]
    private static partial Regex LiveKeys();

    [GeneratedRegex("`([a-z_.]+)`")]
    private static partial Regex Quoted();
}
