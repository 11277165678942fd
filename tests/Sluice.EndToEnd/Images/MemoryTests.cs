using System.Globalization;
using Sluice.EndToEnd.Harness;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Images;

/// <summary>A large layer needs no more memory than a small one, neither to be converted nor to be read.</summary>
[Collection(AloneCollection.Name)]
public sealed class MemoryTests
{
    /// <summary>Runs a command; prints the most memory that it had, in KiB (getrusage(2)).</summary>
    private const string Measure = """
        import resource, subprocess, sys
        code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
        sys.exit(code)
        """;

    /// <summary>Measured, two cores: 99 to 134 MiB to convert, 114 to 142 to serve, with this layer and with one of twice its size. So it is twice that, and less than the layer has.</summary>
    private const long Limit = 300L << 20;

    [Fact]
    public async Task A_layer_of_half_a_gibibyte_is_converted_and_read_in_little_memory()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        await using TestRegistry registry = await TestRegistry.StartAsync(workspace.File("registry"));
        string content = await LargeImage.MakeAsync(workspace.File("ordinary"), TestMachine.Cancellation);
        foreach (string format in (string[])["rafs", "overlaybd"])
        {
            string converted = $"{registry.Host}/large:{format}";
            Assert.InRange(await PeakAsync("convert", "--format", format, $"oci:{workspace.File("ordinary")}:v1", converted), 1, Limit);
            await using MountedImage mounted = await MountedImage.MountAsync(workspace, converted, format);
            (int exitCode, string read) = await Command.RunAsync("/bin/sh", ["-c", "cat noise text | sha256sum"], directory: mounted.Directory);
            Assert.True(exitCode == 0, read);
            Assert.StartsWith(content, read, StringComparison.Ordinal);
            Assert.InRange(Processes.Memory($"{mounted.ProcessId}", "VmHWM"), 1, Limit);
            await mounted.UnmountAsync();
        }
    }

    /// <summary>The most memory that a run of the program had, in bytes.</summary>
    private static async Task<long> PeakAsync(params string[] arguments)
    {
        (int exitCode, string output) = await Command.RunAsync(Command.Require("python3"), ["-c", Measure, SluiceProgram.Path, .. arguments]);
        Assert.True(exitCode == 0, output);
        return long.Parse(output.Split('\n')[0], CultureInfo.InvariantCulture) << 10;
    }
}
