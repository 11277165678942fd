using System.Text.Json;
using Sluice.EndToEnd.Harness;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Survival;

/// <summary>The short form of <c>./bench.sh chaos</c>.</summary>
[Collection(AloneCollection.Name)]
public sealed class ChaosTests
{
    [Fact]
    public async Task Twenty_deaths_under_load_cost_nobody_a_byte()
    {
        TestMachine.RequireContainerd();
        foreach (string tool in (string[])["python3", "skopeo", "fio"]) Command.Require(tool);
        using Workspace workspace = new();
        string figures = workspace.File("figures.json");
        string script = Path.Combine(AppContext.BaseDirectory, "chaos", "chaos.py");
        (int exitCode, string output) = await Command.RunAsync("/usr/bin/env", [$"SLUICE={SluiceProgram.Path}", "python3", "-B", script, "--rounds", "20", "--seed", "20", "--reference-rounds", "0", "--json", figures]);
        Assert.True(exitCode == 0, output);
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllTextAsync(figures, TestMachine.Cancellation));
        JsonElement root = document.RootElement;
        Assert.Equal((20, 0, 0), (root.GetProperty("rounds").GetInt32(), root.GetProperty("wrong").GetInt32(), root.GetProperty("errors").GetInt32()));

        // There was something that could have gone wrong.
        Assert.NotEqual(0, root.GetProperty("reads").GetInt32());
        Assert.NotEqual(0, root.GetProperty("fio").GetInt32());
        Assert.NotEqual(0, root.GetProperty("starts").GetInt32());
        Assert.NotEqual(0, root.GetProperty("mounts").GetInt32());
        Assert.NotEqual(0, root.GetProperty("background").GetInt64());
        Assert.NotEqual(0, root.GetProperty("pauses").GetProperty("write").GetArrayLength());
    }
}
