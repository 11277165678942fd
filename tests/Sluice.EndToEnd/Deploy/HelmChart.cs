using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Sluice.EndToEnd.Harness;
using Sluice.Testing.Runtime;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Sluice.EndToEnd.Deploy;

/// <summary>The chart, rendered without Helm: Go's own templates, and the few functions of Helm that it uses (<c>render.go</c>).</summary>
internal static class HelmChart
{
    public static string Directory => Repository.File("deploy/helm/sluice");

    public static YamlMappingNode Description => (YamlMappingNode)Read(Path.Combine(Directory, "Chart.yaml"))[0];

    /// <summary>Renders it for the namespace <c>kube-system</c>.</summary>
    /// <param name="change">Changes the values that the chart comes with.</param>
    public static async Task<string> RenderAsync(Action<JsonNode>? change = null)
    {
        JsonNode values = Json(Read(Path.Combine(Directory, "values.yaml"))[0])!;
        change?.Invoke(values);
        JsonObject input = new() { ["Values"] = values, ["Chart"] = new JsonObject { ["AppVersion"] = Description["appVersion"].ToString() } };
        ProcessStartInfo start = new(Command.Require("go"), ["run", Path.Combine(AppContext.BaseDirectory, "Deploy", "render.go"), Directory, "kube-system"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["GO111MODULE"] = "off";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestMachine.Cancellation), error = process.StandardError.ReadToEndAsync(TestMachine.Cancellation);
        await process.StandardInput.WriteAsync(input.ToJsonString());
        process.StandardInput.Close();
        await process.WaitForExitAsync(TestMachine.Cancellation);
        Assert.True(process.ExitCode == 0, await error);
        return await output;
    }

    /// <summary>The documents of a file of YAML.</summary>
    public static IReadOnlyList<YamlNode> Read(string file) => Parse(File.ReadAllText(file));

    public static IReadOnlyList<YamlNode> Parse(string text)
    {
        YamlStream stream = [];
        stream.Load(new StringReader(text));
        return [.. stream.Documents.Select(document => document.RootNode)];
    }

    /// <summary>Plain scalars are what they look like, as in YAML's core schema.</summary>
    private static JsonNode? Json(YamlNode node) => node switch
    {
        YamlMappingNode mapping => new JsonObject(mapping.Select(entry => KeyValuePair.Create(entry.Key.ToString(), Json(entry.Value)))),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Select(Json)]),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: "true" or "false" } scalar => scalar.Value == "true",
        YamlScalarNode { Style: ScalarStyle.Plain } scalar when int.TryParse(scalar.Value, CultureInfo.InvariantCulture, out int number) => number,
        YamlScalarNode scalar => scalar.Value,
        _ => null,
    };
}
