using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Images;

/// <summary>Standard output that is full, or closed by whoever read it.</summary>
public sealed class OutputTests
{
    [Fact]
    public async Task A_full_output_is_named_and_a_closed_one_ends_the_command_quietly()
    {
        using Workspace workspace = new();
        string image = $"oci:{workspace.File("plain")}:v1";
        await new OrdinaryImage().PushAsync(image);
        foreach (string command in new[] { $"ls -R {image}", $"ls --json {image}", $"cat {image} data/3", $"inspect {image}", $"inspect --json {image}", $"unpack {image} -" })
        {
            SluiceResult full = await ShellAsync($"{SluiceProgram.Path} {command} > /dev/full");
            full.Fails(8, "sluice: standard output: can't be written: No space left on device");

            string go = workspace.File("go"); // the command begins when its reader has gone
            SluiceResult closed = await ShellAsync($"rm -f {go}; mkfifo {go}; {{ read < {go}; {SluiceProgram.Path} {command}; }} | {{ exec <&-; echo > {go}; }}; echo ${{PIPESTATUS[0]}}");
            Assert.Equal("", closed.Error);
            Assert.Equal("141\n", closed.Output);
        }

        string file = workspace.File("both");
        (await ShellAsync($"({SluiceProgram.Path} ls {image} etc/state; {SluiceProgram.Path} ls {image} data/3) > {file}")).Succeeds();
        Assert.Equal(2, (await File.ReadAllLinesAsync(file)).Length);
        (await ShellAsync($"{SluiceProgram.Path} ls {image} etc/state >> {file}")).Succeeds();
        Assert.Equal(3, (await File.ReadAllLinesAsync(file)).Length);
    }

    private static async Task<SluiceResult> ShellAsync(string script)
    {
        Faults.ChildProcess child = await Faults.ChildProcess.RunAsync("bash", "-c", script);
        return new SluiceResult(child.ExitCode, child.Output, child.Errors);
    }
}
