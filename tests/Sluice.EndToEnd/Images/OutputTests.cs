using Sluice.EndToEnd.Harness;

namespace Sluice.EndToEnd.Images;

/// <summary>Standard output that is full, or closed by whoever read it.</summary>
public sealed class OutputTests
{
    /// <summary>
    /// Runs a command with a non-blocking pipe, from which nothing is read before much of it is full; prints exit code and bytes.
    /// </summary>
    private const string LateReader = """
        import fcntl, os, struct, subprocess, sys, termios
        r, w = os.pipe()
        os.set_blocking(w, False)
        child = subprocess.Popen(sys.argv[1:], stdout=w)
        os.close(w)
        half = fcntl.fcntl(r, 1032) // 2  # F_GETPIPE_SZ
        while child.poll() is None and struct.unpack("i", fcntl.ioctl(r, termios.FIONREAD, bytes(4)))[0] < half: os.sched_yield()
        count = 0
        while data := os.read(r, 1 << 16): count += len(data)
        print(child.wait(), count)
        """;

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

    [Fact]
    public async Task A_full_pipe_is_waited_for_even_when_it_does_not_block()
    {
        using Workspace workspace = new();
        string image = $"oci:{workspace.File("plain")}:v1";
        await new OrdinaryImage().PushAsync(image);
        foreach (string command in new[] { "cat", "unpack" })
        {
            string[] arguments = command == "cat" ? ["cat", image, "data/3"] : ["unpack", image, "-"];
            Faults.ChildProcess child = await Faults.ChildProcess.RunAsync("python3", ["-c", LateReader, SluiceProgram.Path, .. arguments]);
            string[] result = child.Output.Split();
            Assert.True(result[0] == "0", child.Output + child.Errors);
            long count = long.Parse(result[1], System.Globalization.CultureInfo.InvariantCulture);
            if (command == "cat") Assert.Equal(OrdinaryImage.DataFileSize, count);
            else Assert.True(count > OrdinaryImage.DataFiles * OrdinaryImage.DataFileSize);
        }
    }

    [Fact]
    public async Task A_log_that_cannot_be_read_again_does_not_spoil_a_mount()
    {
        TestMachine.RequireMounts();
        using Workspace workspace = new();
        string image = $"oci:{workspace.File("plain")}:v1", rafs = $"oci:{workspace.File("rafs")}:v1", directory = workspace.MakeDirectory("mnt");
        await new OrdinaryImage().PushAsync(image);
        (await SluiceProgram.RunAsync("convert", image, rafs)).Succeeds();
        foreach (string log in new[] { "/dev/stderr", "/dev/null", "/dev/full" })
        {
            string own = workspace.MakeDirectory(Path.GetFileName(log)); // the process before this one may not have ended yet
            string mount = $"{SluiceProgram.Path} mount {rafs} {directory} --root {own}/cache --state {own}/state --log-file {log}";
            SluiceResult mounted = await ShellAsync($"{mount} 2>&1 | cat; echo ${{PIPESTATUS[0]}}");
            Assert.EndsWith("\n0\n", mounted.Output, StringComparison.Ordinal);
            Assert.Equal("READY\n", await File.ReadAllTextAsync(Path.Combine(directory, "etc/state")));
            (await SluiceProgram.RunAsync("umount", directory)).Succeeds();
        }
    }

    private static async Task<SluiceResult> ShellAsync(string script)
    {
        Faults.ChildProcess child = await Faults.ChildProcess.RunAsync("bash", "-c", script);
        return new SluiceResult(child.ExitCode, child.Output, child.Errors);
    }
}
