using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Node.Configuration;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks.Uppers;
using Sluice.Testing;

namespace Sluice.Node.Tests.Configuration;

public sealed class ConfigurationFileTests
{
    private const string Name = "/etc/sluice/test.yaml";

    [Theory]
    [InlineData("")]
    [InlineData("# only a comment\n")]
    [InlineData("---\n")]
    [InlineData("mount:\nregistry:\nfetch:\n")]
    [InlineData("mount: {}\nfetch: {}\n")]
    [InlineData("registry: ~\n")]
    public void NothingMeansTheDefaults(string text)
    {
        NodeOptions options = ConfigurationFile.Parse(text, Name);
        Assert.Equal(new NodeOptions() with { Fetch = options.Fetch, Sources = options.Sources }, options);
        Assert.Equal(TimeSpan.FromSeconds(60), options.Fetch.RequestDeadline);
        Assert.Equal("/var/lib/sluice/cache", options.CacheDirectory);
        Assert.Equal("/var/lib/sluice/images", options.ImagesDirectory);
        Assert.Equal("/run/sluice/containerd.sock", options.SocketPath);
        Assert.Equal("/run/sluice/disks", options.DisksDirectory);
        Assert.Equal("/run/sluice/images", options.MountsDirectory);
    }

    [Theory]
    [InlineData("process", KeeperKind.Process, null)]
    [InlineData("none", KeeperKind.None, null)]
    [InlineData("auto", KeeperKind.Process, "auto")]
    [InlineData("service-manager", KeeperKind.Process, "service-manager")]
    public void KeepersOfEarlierVersionsAreTheProcess(string name, KeeperKind kind, string? former)
    {
        NodeOptions options = ConfigurationFile.Parse($"keeper: {name}\n", Name);
        Assert.Equal((kind, former), (options.Keeper, options.FormerKeeper));
        Assert.Throws<SluiceException>(() => ConfigurationFile.Parse("keeper: nobody\n", Name));
    }

    [Theory]
    [InlineData("prefetch: true", true, 0)]
    [InlineData("prefetch: false", false, 0)]
    [InlineData("prefetch:", true, 0)]
    [InlineData("prefetch: { enabled: false }", false, 0)]
    [InlineData("prefetch: { max_mb_per_second: 20 }", true, 20)]
    public void PrefetchIsAWordOrASection(string text, bool isOn, int bound)
    {
        Assert.Equal(new PrefetchOptions { IsOn = isOn, MaxMegabytesPerSecond = bound }, ConfigurationFile.Parse(text, Name).Prefetch);
        foreach (string wrong in new[] { "prefetch: 7", "prefetch: [true]", "prefetch: { on: true }", "prefetch: { max_mb_per_second: -1 }" })
            Assert.Equal(SluiceError.Configuration, Assert.Throws<SluiceException>(() => ConfigurationFile.Parse(wrong, Name)).Error);
    }

    [Fact]
    public void ContainersMayHaveDisksOfTheirOwn()
    {
        Assert.Equal((WriteMode.Overlay, UpperKind.Append), Modes("writable:\n"));
        Assert.Equal((WriteMode.Directory, UpperKind.Sparse), Modes("writable:\n  mode: dir\n  upper: sparse\n"));
        Assert.Equal((WriteMode.Device, UpperKind.Append), Modes("writable: { mode: dev, upper: append }"));
        Assert.Equal((WriteMode.Overlay, UpperKind.Append), Modes("writable: { mode: overlayfs }"));
        foreach (string wrong in new[] { "writable: { mode: disk }", "writable: { upper: qcow2 }", "writable: { size: 1 }", "writable: dir" })
            Assert.Equal(SluiceError.Configuration, Assert.Throws<SluiceException>(() => Modes(wrong)).Error);

        static (WriteMode, UpperKind) Modes(string text) => ConfigurationFile.Parse(text, Name) is var options ? (options.WriteMode, options.UpperKind) : default;
    }

    [Fact]
    public void EveryKeyIsRead()
    {
        NodeOptions options = ConfigurationFile.Parse(
            """
            root: /data/sluice
            state: /run/other
            address: /run/other.sock
            admin_address: /run/admin.sock
            log_level: debug
            log_format: json
            hung_seconds: 5
            metrics_address: "[::1]:9475"
            otlp_endpoint: http://collector.local:4318
            otlp_interval_seconds: 15
            mount:
              mode: loop
              read_ahead_kb: 512
              lazy_read_ahead_kb: 64
            registry:
              plain_http: true
              hosts_dir: /etc/hosts.d
              auth_file: /root/auth.json
              connections_per_host: 7
            fetch:
              deadline_seconds: 30
              amplification_kb: 128
              merge_gap_kb: 16
              max_fetch_kb: 1024
              concurrency: 9
            cache:
              quota: 20GiB
              min_free: 15%
              high_watermark: 80
              low_watermark: 70
            """,
            Name);
        Assert.Equal(("/data/sluice", "/run/other", "/run/other.sock", true), (options.Root, options.State, options.SocketPath, options.Verbose));
        Assert.Equal("/run/admin.sock", options.AdminSocketPath);
        Assert.Equal((true, 5, "[::1]:9475", false), (options.JsonLog, options.HungSeconds, options.MetricsAddress!.ToString(), options.MetricsAllowRemote));
        Assert.Equal(("http://collector.local:4318", TimeSpan.FromSeconds(15)), (options.OtlpEndpoint, options.OtlpInterval));
        Assert.Equal((MountMode.Loop, 512, 64), (options.MountMode, options.ReadAheadKilobytes, options.LazyReadAheadKilobytes));
        Assert.True(options.Sources.PlainHttp);
        Assert.Equal("/etc/hosts.d", Assert.Single(options.Sources.HostDirectories));
        Assert.Equal(("/root/auth.json", 7), (options.Sources.AuthFile, options.Sources.ConnectionsPerHost));
        Assert.Equal((128 << 10, 16 << 10, 1 << 20, 9), (options.Fetch.Amplification, options.Fetch.MergeGap, options.Fetch.MaxFetch, options.Fetch.TotalConcurrency));
        Assert.Equal((TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(10)), (options.Fetch.RequestDeadline, options.Fetch.AttemptTimeout));
        Assert.Equal(TimeSpan.FromSeconds(10), options.Sources.StallTimeout);
        Assert.Equal((DiskShare.OfBytes(20L << 30), DiskShare.OfFileSystem(15)), (options.Cache.Quota, options.Cache.MinFree));
        Assert.Equal((80, 70), (options.Cache.HighWatermark, options.Cache.LowWatermark));
    }

    [Theory]
    [InlineData("mode: auto", MountMode.Auto)]
    [InlineData("mode: file", MountMode.File)]
    [InlineData("mode: loop", MountMode.Loop)]
    public void MountModesAreRead(string text, MountMode mode) => Assert.Equal(mode, ConfigurationFile.Parse("mount:\n  " + text, Name).MountMode);

    [Fact]
    public void PoliciesKeepTheirOrder()
    {
        Assert.Empty(ConfigurationFile.Parse("policies:\n", Name).Policies);
        Assert.Equal(
            [new ImagePolicy("r.example:5000/batch/*", PullPolicy.Lazy), new ImagePolicy("*", PullPolicy.Eager), new ImagePolicy("a", PullPolicy.Auto)],
            ConfigurationFile.Parse("policies:\n  \"r.example:5000/batch/*\": lazy\n  \"*\": eager\n  a: auto\n", Name).Policies);
        Assert.Equal(
            [new ImagePolicy("a", PullPolicy.Eager, Trace: false), new ImagePolicy("b", PullPolicy.Lazy, Trace: false), new ImagePolicy("c", PullPolicy.Auto)],
            ConfigurationFile.Parse("policies:\n  a: { mode: eager, trace: false }\n  b:\n    trace: false\n  c: { trace: true, mode: auto }\n", Name).Policies);
    }

    [Fact]
    public void ALongDeadlineLeavesTheTimeOfAnAttemptAlone()
    {
        NodeOptions options = ConfigurationFile.Parse("fetch:\n  deadline_seconds: 3600\n", Name);
        Assert.Equal(TimeSpan.FromHours(1), options.Fetch.RequestDeadline);
        Assert.Equal(new NodeOptions().Fetch.AttemptTimeout, options.Fetch.AttemptTimeout);
        Assert.Equal(new NodeOptions().Sources.StallTimeout, options.Sources.StallTimeout);
    }

    [Theory]
    [InlineData("policies:\n  a: { modus: eager }", 2, "'policies.a.modus' is not a setting", "mode, trace")]
    [InlineData("policies:\n  a:\n    trace: maybe", 3, "policies.a.trace", "true, false")]
    [InlineData("colour: red", 1, "'colour' is not a setting", "root, state")]
    [InlineData("root: /a\nmount:\n  moode: file", 3, "'mount.moode' is not a setting", "mode, read_ahead_kb, lazy_read_ahead_kb")]
    [InlineData("registry:\n  mirror: x", 2, "'registry.mirror' is not a setting", "plain_http")]
    [InlineData("fetch:\n  deadline: 3", 2, "'fetch.deadline' is not a setting", "deadline_seconds")]
    [InlineData("root: relative/path", 1, "'root'", "not an absolute path")]
    [InlineData("state:", 1, "'state'", "needs a value")]
    [InlineData("\n\nlog_level: loud", 3, "'log_level' is 'loud'", "info, debug")]
    [InlineData("log_format: xml", 1, "'log_format' is 'xml'", "text, json")]
    [InlineData("metrics_address: 9475", 1, "'metrics_address' is '9475'", "127.0.0.1:9475")]
    [InlineData("metrics_address: localhost:9475", 1, "'metrics_address' is 'localhost:9475'", "127.0.0.1:9475")]
    [InlineData("otlp_endpoint: collector:4318", 1, "'otlp_endpoint'", "http://127.0.0.1:4318")]
    [InlineData("otlp_endpoint: http://u:p@host:4318", 1, "'otlp_endpoint'", "without user")]
    [InlineData("policies:\n  \"r/*\": fast", 2, "'policies.r/*' is 'fast'", "lazy, eager, auto")]
    [InlineData("policies: eager", 1, "a mapping is expected", "")]
    [InlineData("mount:\n  mode: fast", 2, "'mount.mode' is 'fast'", "auto, file, loop")]
    [InlineData("mount:\n  read_ahead_kb: -1", 2, "'mount.read_ahead_kb' is '-1'", "from 0 to 65536")]
    [InlineData("registry:\n  plain_http: yes", 2, "'registry.plain_http' is 'yes'", "true, false")]
    [InlineData("registry:\n  connections_per_host: 0", 2, "'registry.connections_per_host' is '0'", "from 1 to 1024")]
    [InlineData("fetch:\n  deadline_seconds: soon", 2, "'fetch.deadline_seconds' is 'soon'", "from 1 to 3600")]
    [InlineData("fetch:\n  deadline_seconds: 3601", 2, "'fetch.deadline_seconds' is '3601'", "from 1 to 3600")]
    [InlineData("fetch:\n  max_fetch_kb: 99999999999", 2, "'fetch.max_fetch_kb'", "from 64 to 65536")]
    [InlineData("fetch:\n  concurrency: [1]", 2, "'fetch.concurrency'", "needs a value")]
    [InlineData("cache:\n  quota: much", 2, "'cache.quota' is 'much'", "20%")]
    [InlineData("cache:\n  min_free: 101%", 2, "'cache.min_free' is '101%'", "none")]
    [InlineData("cache:\n  high_watermark: 50", 2, "low_watermark is 97", "high_watermark")]
    [InlineData("cache:\n  size: 1", 2, "'cache.size' is not a setting", "quota, min_free")]
    [InlineData("mount: file", 1, "a mapping", "")]
    [InlineData("- root", 1, "a mapping", "")]
    [InlineData("? [a]\n: b", 1, "plain words", "")]
    [InlineData("root: /a\nroot: /b", 2, "uplicate", "")]
    [InlineData("root: /a\nfetch: {deadline_seconds: 3\n", 3, "", "")]
    [InlineData("a: \"unfinished", 1, "", "")]
    [InlineData("root: *nobody", 1, "", "")]
    public void MistakesNameFileAndLine(string text, int line, string message, string allowed)
    {
        SluiceException error = Assert.Throws<SluiceException>(() => ConfigurationFile.Parse(text, Name));
        Assert.Equal(SluiceError.Configuration, error.Error);
        Assert.Equal($"{Name}:{line}", error.Culprit);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MetricsAreForThisMachineUnlessItIsSaid()
    {
        SluiceException error = Assert.Throws<SluiceException>(() => ConfigurationFile.Parse("metrics_address: 0.0.0.0:9475\n", Name));
        Assert.Contains("no authentication", error.Message, StringComparison.Ordinal);
        Assert.Contains("metrics_allow_remote", error.Hint!, StringComparison.Ordinal);
        Assert.Equal(9475, ConfigurationFile.Parse("metrics_address: 0.0.0.0:9475\nmetrics_allow_remote: true\n", Name).MetricsAddress!.Port);
        Assert.Null(ConfigurationFile.Parse("", Name).MetricsAddress);
    }

    [Fact]
    public void MutatedFilesAreReadOrNamed()
    {
        const string Good = "root: /data\nmount:\n  mode: file\n  read_ahead_kb: 64\nfetch:\n  deadline_seconds: 9\n  concurrency: 3\n";
        Random random = new(11);
        for (int round = 0; round < 3000; round++)
        {
            char[] text = Good.ToCharArray();
            for (int changes = random.Next(1, 5); changes > 0; changes--) text[random.Next(text.Length)] = "\n\t :-[]{}&*!|>'\"%@`#a0\0\u00e9"[random.Next(23)];
            try
            {
                ConfigurationFile.Parse(new string(text), Name);
            }
            catch (SluiceException error)
            {
                Assert.Equal(SluiceError.Configuration, error.Error);
                Assert.StartsWith(Name, error.Culprit, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void FilesThatCanNotBeReadAreNamed()
    {
        using TemporaryDirectory directory = new();
        foreach (string path in new[] { directory.File("missing.yaml"), directory.Path })
        {
            SluiceException error = Assert.Throws<SluiceException>(() => ConfigurationFile.Read(path));
            Assert.Equal((SluiceError.Configuration, path), (error.Error, error.Culprit));
        }

        File.WriteAllText(directory.File("config.yaml"), "mount:\n  mode: loop\n");
        Assert.Equal(MountMode.Loop, ConfigurationFile.Read(directory.File("config.yaml")).MountMode);
    }
}
