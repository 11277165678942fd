using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Node.Doctor;

namespace Sluice.Cli.Output;

/// <summary>What <c>sluice doctor</c> says. Mending lines are never broken: they are there to be pasted.</summary>
internal static partial class DoctorText
{
    private const int Indent = 9;

    /// <param name="width">Columns.</param>
    public static void Print(DoctorReport report, TextWriter output, int width)
    {
        foreach (Finding finding in report.Findings)
        {
            output.WriteLine($"{NameOf(finding.Severity),-Indent}{finding.Id}  {finding.Subject}");
            foreach (string line in Words.Wrap(finding.What, width - Indent, 0)) output.WriteLine($"{"",Indent}{line}");
            output.WriteLine($"{"",Indent}{finding.Mend}");
            output.WriteLine();
        }

        string daemon = report.DaemonRunning ? "the daemon runs" : "no daemon answers";
        string[] counts = [.. Enum.GetValues<Severity>().Reverse().Select(severity => (severity, Count: report.Findings.Count(finding => finding.Severity == severity))).Where(pair => pair.Count > 0)
            .Select(pair => Words.Count(pair.Count, NameOf(pair.severity)))];
        output.WriteLine($"{(counts.Length == 0 ? "nothing is wrong" : string.Join(", ", counts))} ({report.Checks} checks; {daemon})");
    }

    public static string ToJson(DoctorReport report) => JsonSerializer.Serialize(
        new Result(report.IsHealthy, report.Checks, report.DaemonRunning, [.. report.Findings.Select(finding => new Item(finding.Id, NameOf(finding.Severity), finding.Subject, finding.What, finding.Mend))]),
        new DoctorJson(new JsonSerializerOptions(DoctorJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }).Result);

    private static string NameOf(Severity severity) => severity.ToString().ToLowerInvariant();

    private sealed record Result(bool Healthy, int Checks, bool DaemonRunning, IReadOnlyList<Item> Findings);

    private sealed record Item(string Id, string Severity, string Subject, string What, string Mend);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
    [JsonSerializable(typeof(Result))]
    private sealed partial class DoctorJson : JsonSerializerContext;
}
