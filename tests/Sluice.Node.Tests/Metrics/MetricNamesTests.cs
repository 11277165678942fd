using System.Text.Json;
using System.Text.RegularExpressions;
using Sluice.Node.Metrics;
using Sluice.Node.Tests.Support;

namespace Sluice.Node.Tests.Metrics;

/// <summary>docs/metrics.md is the snapshot of the names: a change there is a change for everybody's dashboards.</summary>
public sealed partial class MetricNamesTests
{
    [Fact]
    public void TheDocumentListsEveryName()
    {
        string[] expected = [.. MetricFamilies.All.Select(family => $"| `{family.Name}` | {family.Kind.ToString().ToLowerInvariant()} | {Labels(family)} |")];
        string[] documented = [.. Row().Matches(Repository.Read("docs/metrics.md")).Select(match => match.Value)];
        Assert.Equal(expected, documented);

        static string Labels(MetricFamily family) => family.Labels.Length == 0 ? "-" : string.Join(", ", family.Labels.Select(label => $"`{label}`"));
    }

    [Fact]
    public void NamesFollowTheCustoms()
    {
        Assert.Equal(MetricFamilies.All.Count, MetricFamilies.All.Select(family => family.Name).Distinct().Count());
        foreach (MetricFamily family in MetricFamilies.All)
        {
            Assert.Matches("^(sluice|process|dotnet)_[a-z0-9_]+$", family.Name);
            Assert.Equal(family.Kind == MetricKind.Counter, family.Name.EndsWith("_total", StringComparison.Ordinal));
            Assert.Equal(family.Unit == "By", family.Name.Contains("_bytes", StringComparison.Ordinal));
            Assert.EndsWith(".", family.Help, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void TheDashboardAsksForNothingElse()
    {
        using JsonDocument dashboard = JsonDocument.Parse(Repository.Read("deploy/grafana/sluice.json"));
        string[] queries = [.. Strings(dashboard.RootElement, "expr")];
        Assert.True(queries.Length > 15, $"{queries.Length} queries");
        foreach (string query in queries) CheckQuery(query);
        Assert.Equal("sluice", dashboard.RootElement.GetProperty("uid").GetString());
        int[] ids = [.. dashboard.RootElement.GetProperty("panels").EnumerateArray().Select(panel => panel.GetProperty("id").GetInt32())];
        Assert.Equal(ids.Distinct(), ids);
    }

    [Fact]
    public void TheAlertsAskForNothingElse()
    {
        string[] queries = [.. Expression().Matches(Repository.Read("deploy/prometheus/rules.yaml")).Select(match => match.Groups[1].Value)];
        Assert.True(queries.Length > 5, $"{queries.Length} queries");
        foreach (string query in queries) CheckQuery(query);
    }

    private static void CheckQuery(string query)
    {
        string[] names = [.. Name().Matches(query).Select(match => match.Value)];
        Assert.NotEmpty(names);
        foreach (string name in names)
        {
            MetricFamily? family = MetricFamilies.All.FirstOrDefault(family => Forms(family).Contains(name));
            Assert.True(family is not null, $"{name} in: {query}");
            foreach (Match selector in Regex.Matches(query, Regex.Escape(name) + @"\{([^}]*)\}"))
            {
                foreach (string label in Label().Matches(selector.Groups[1].Value).Select(match => match.Groups[1].Value))
                    Assert.True(label is "instance" or "job" or "le" || family.Labels.Contains(label), $"label {label} in: {query}");
            }
        }

        static string[] Forms(MetricFamily family) => family.Kind == MetricKind.Histogram ? [family.Name + "_bucket", family.Name + "_sum", family.Name + "_count"] : [family.Name];
    }

    private static IEnumerable<string> Strings(JsonElement element, string name) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(property =>
            property.Name == name && property.Value.ValueKind == JsonValueKind.String ? [property.Value.GetString()!] : Strings(property.Value, name)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(item => Strings(item, name)),
        _ => [],
    };

    [GeneratedRegex(@"^\| `[a-z0-9_]+` \| (?:counter|gauge|histogram) \| [^|]+ \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"^\s*(?:- )?expr: (.+)$", RegexOptions.Multiline)]
    private static partial Regex Expression();

    [GeneratedRegex(@"\b(?:sluice|process|dotnet)_[a-z0-9_]+\b")]
    private static partial Regex Name();

    [GeneratedRegex(@"([a-z_]+)\s*(?:=~|!~|!=|=)")]
    private static partial Regex Label();
}
