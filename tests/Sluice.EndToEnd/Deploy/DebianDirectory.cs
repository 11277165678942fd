using System.Globalization;
using Sluice.Testing.Runtime;

namespace Sluice.EndToEnd.Deploy;

/// <summary>A stock Debian 12 in a directory, with what the package depends on, systemd, containerd and runc: made once and kept for later runs.</summary>
internal static class DebianDirectory
{
    /// <summary>Changes with what <see cref="MakeAsync"/> does.</summary>
    private const int Version = 1;

    private const string Packages = "systemd,systemd-sysv,containerd,runc,kmod,e2fsprogs,procps,ca-certificates,libssl3,libstdc++6,zlib1g,liblz4-1,libzstd1";

    private const string SourceList = "/etc/apt/sources.list.d/debian.sources";

    /// <summary>Full path; never written to. Skips the calling test where it can't be made.</summary>
    public static async Task<string> OpenAsync()
    {
        Command.RequireRoot();
        string mmdebstrap = Command.Require("mmdebstrap");
        string home = Directory.CreateDirectory("/var/tmp/sluice-test-debian").FullName;
        string ready = Path.Combine(home, Version.ToString(CultureInfo.InvariantCulture));
        using FileStream alone = await LockAsync(Path.Combine(home, "lock"));
        if (!Directory.Exists(ready)) await MakeAsync(mmdebstrap, ready);
        return ready;
    }

    private static async Task MakeAsync(string mmdebstrap, string ready)
    {
        string unfinished = ready + ".unfinished";
        await Command.RunAsync("/bin/rm", ["-rf", unfinished]);
        // The package sources of this machine, if it is a Debian.
        string[] arguments = ["--quiet", "--variant=minbase", "--include=" + Packages, "bookworm", unfinished];
        (int exitCode, string output) = await Command.RunAsync(mmdebstrap, File.Exists(SourceList) ? [.. arguments, SourceList] : arguments);
        Assert.True(exitCode == 0, $"mmdebstrap: {output}");

        // Nobody logs in, and nothing happens on its own.
        foreach (string unit in (string[])["getty.target", "console-getty.service", "systemd-logind.service", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer", "e2scrub_all.timer", "e2scrub_reap.service"])
        {
            File.CreateSymbolicLink(Path.Combine(unfinished, "etc/systemd/system", unit), "/dev/null");
        }

        // Version 2 of cgroups may have no controllers here, as where version 1 has them; ctr asks for a share of the processor all the same.
        string runc = Path.Combine(unfinished, "usr/local/sbin/runc");
        Directory.CreateDirectory(Path.GetDirectoryName(runc)!);
        await File.WriteAllTextAsync(runc, """
            #!/bin/sh
            previous=
            for argument; do
                [ "$previous" = --bundle ] && sed -i 's/"cpu":{"shares":[0-9]*}/"cpu":{}/' "$argument/config.json"
                previous=$argument
            done
            exec /usr/sbin/runc "$@"
            """);
        File.SetUnixFileMode(runc, (UnixFileMode)0x1ed /* 0755 */);
        Directory.Move(unfinished, ready);
    }

    /// <summary>Other runs of the tests may want the same.</summary>
    private static async Task<FileStream> LockAsync(string path)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                await Task.Delay(200, TestContext.Current.CancellationToken);
            }
        }
    }
}
