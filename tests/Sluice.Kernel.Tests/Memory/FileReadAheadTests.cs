using System.Diagnostics;
using System.Globalization;
using Sluice.Kernel.Memory;
using Sluice.Testing;

namespace Sluice.Kernel.Tests.Memory;

public sealed class FileReadAheadTests
{
    [Fact]
    public async Task A_file_that_was_asked_for_is_in_memory_all_of_it()
    {
        const int length = (3 << 20) + 5; // more than the kernel reads for one call
        using var directory = new TemporaryDirectory();
        string path = directory.File("program");
        File.WriteAllBytes(path, new byte[length]);
        await RunAsync("sync", path);
        await RunAsync("dd", $"if={path}", "iflag=nocache", "count=0", "status=none");
        Assert.InRange(await ResidentAsync(path), 0, length - 1);
        FileReadAhead.Request(path);
        while (await ResidentAsync(path) < length) await Task.Delay(20, TestContext.Current.CancellationToken);
        FileReadAhead.Request(directory.File("missing"));
        FileReadAhead.Request(directory.Path);
    }

    private static async Task<long> ResidentAsync(string path) =>
        long.Parse(await RunAsync("fincore", "--bytes", "--noheadings", "--output", "RES", path), CultureInfo.InvariantCulture);

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        return await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
    }
}
