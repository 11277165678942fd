using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Build.Check;

namespace Sluice.Cli.Output;

/// <summary>What <c>sluice check</c> says.</summary>
internal static partial class CheckReport
{
    public static void Print(CheckResult result, CheckOptions options)
    {
        foreach (Difference difference in result.Differences) Console.Out.WriteLine(difference);
        long more = result.DifferenceCount - result.Differences.Count;
        if (more > 0) Console.Out.WriteLine($"and {more} more differences");
        foreach (string note in result.Notes) Console.Error.WriteLine($"note: {note}");
        string data = options.MetadataOnly ? "stored data not verified" : result is { ChunksVerified: 0, ContentCompared: true } ? "contents read" : $"{result.ChunksVerified} chunks verified";
        string verdict = result.Same ? "the same" : $"{result.DifferenceCount} differences";
        Console.Error.WriteLine($"{verdict}: {result.Compared} names compared, {data}, {ByteSize.Text(result.BytesFetched)} fetched");
    }

    public static string ToJson(CheckResult result) => JsonSerializer.Serialize(result, CheckJson.Default.CheckResult);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
    [JsonSerializable(typeof(CheckResult))]
    private sealed partial class CheckJson : JsonSerializerContext;
}
