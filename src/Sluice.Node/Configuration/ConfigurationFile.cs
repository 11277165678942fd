using System.Globalization;
using System.Net;
using Sluice.Containerd.Snapshots.Lazy;
using Sluice.Formats;
using Sluice.Storage.Disks.Uppers;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Sluice.Node.Configuration;

/// <summary>Reads the YAML configuration. Unknown keys and wrong values are errors that name file, line and what is allowed.</summary>
public static partial class ConfigurationFile
{
    public const string DefaultPath = "/etc/sluice/config.yaml";

    /// <summary>Reads <paramref name="path"/>; null means the default place, which may be missing.</summary>
    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>.</exception>
    public static NodeOptions Read(string? path)
    {
        string file = path ?? DefaultPath;
        if (path is null && !File.Exists(file)) return new NodeOptions();
        try
        {
            return Parse(File.ReadAllText(file), file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Configuration, file, exception.Message, inner: exception);
        }
    }

    internal static NodeOptions Parse(string text, string file)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException exception)
        {
            throw new SluiceException(SluiceError.Configuration, $"{file}:{exception.Start.Line}", exception.InnerException?.Message ?? exception.Message, inner: exception);
        }

        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            // The parser's own defects, met with control characters.
            throw new SluiceException(SluiceError.Configuration, file, "is not YAML", "check it for control characters", exception);
        }

        var options = new NodeOptions();
        if (stream.Documents.Count == 0) return options;
        foreach ((string key, YamlNode value) in Entries(stream.Documents[0].RootNode, file))
        {
            options = key switch
            {
                "root" => options with { Root = AbsolutePath(value, key, file) },
                "state" => options with { State = AbsolutePath(value, key, file) },
                "address" => options with { Address = AbsolutePath(value, key, file) },
                "admin_address" => options with { AdminAddress = AbsolutePath(value, key, file) },
                "containerd_address" => options with { ContainerdAddress = AbsolutePath(value, key, file) },
                "keeper" => Keeper(options, value, file),
                "prefetch" => options with { Prefetch = Prefetch(options.Prefetch, value, file) },
                "log_level" => options with { Verbose = Choice(value, key, file, "info", "debug") == "debug" },
                "log_format" => options with { JsonLog = Choice(value, key, file, "text", "json") == "json" },
                "metrics_address" => options with { MetricsAddress = Endpoint(value, key, file) },
                "metrics_allow_remote" => options with { MetricsAllowRemote = Choice(value, key, file, "true", "false") == "true" },
                "otlp_endpoint" => options with { OtlpEndpoint = Url(value, key, file) },
                "otlp_interval_seconds" => options with { OtlpInterval = TimeSpan.FromSeconds(Number(value, key, file, 1, 3600)) },
                "hung_seconds" => options with { HungSeconds = Number(value, key, file, 1, 3600) },
                "policies" => options with { Policies = Policies(value, file) },
                "background" => options with { Background = Background(options.Background, value, file) },
                "mount" => Mount(options, value, file),
                "writable" => Writable(options, value, file),
                "registry" => Registry(options, value, file),
                "fetch" => Fetch(options, value, file),
                "cache" => options with { Cache = CacheSettings.Read(options.Cache, value, file) },
                "sources" => options with { Sources = options.Sources with { ExtraSources = ExtraSources(value, file) } },
                "credentials" => Credentials(options, value, file),
                _ => throw Unknown(value, key, file, "root, state, address, admin_address, containerd_address, keeper, prefetch, log_level, log_format, hung_seconds, metrics_address, metrics_allow_remote, otlp_endpoint, otlp_interval_seconds, policies, background, mount, writable, registry, fetch, cache, sources, credentials"),
            };
        }

        if (options is { MetricsAddress: { } address, MetricsAllowRemote: false } && !IPAddress.IsLoopback(address.Address))
            throw new SluiceException(SluiceError.Configuration, file, $"'metrics_address' is {address}, which others can reach, and metrics have no authentication", "use 127.0.0.1, or set metrics_allow_remote: true");
        return options;
    }

    /// <summary>Versions before had more kinds, and a file of then must not keep the daemon of now from starting.</summary>
    private static NodeOptions Keeper(NodeOptions options, YamlNode node, string file)
    {
        if (Scalar(node, "keeper", file) is "auto" or "service-manager") return options with { Keeper = KeeperKind.Process, FormerKeeper = Scalar(node, "keeper", file) };
        return options with { Keeper = Choice(node, "keeper", file, "process", "none") == "none" ? KeeperKind.None : KeeperKind.Process };
    }

    /// <summary>A word is short for <c>enabled</c>.</summary>
    private static PrefetchOptions Prefetch(PrefetchOptions options, YamlNode node, string file)
    {
        if (node is YamlScalarNode { Value: { Length: > 0 } }) return options with { IsOn = Choice(node, "prefetch", file, "true", "false") == "true" };
        foreach ((string key, YamlNode value) in Entries(node, file))
        {
            options = key switch
            {
                "enabled" => options with { IsOn = Choice(value, "prefetch.enabled", file, "true", "false") == "true" },
                "max_mb_per_second" => options with { MaxMegabytesPerSecond = Number(value, "prefetch.max_mb_per_second", file, 0, 100_000) },
                _ => throw Unknown(value, "prefetch." + key, file, "enabled, max_mb_per_second"),
            };
        }

        return options;
    }

    private static BackgroundOptions Background(BackgroundOptions options, YamlNode node, string file)
    {
        foreach ((string key, YamlNode value) in Entries(node, file))
        {
            options = key switch
            {
                "download" => options with { IsOn = Choice(value, "background.download", file, "true", "false") == "true" },
                "delay_seconds" => options with { Delay = TimeSpan.FromSeconds(Number(value, "background.delay_seconds", file, 0, 86_400)) },
                "max_mb_per_second" => options with { MaxMegabytesPerSecond = Number(value, "background.max_mb_per_second", file, 0, 100_000) },
                _ => throw Unknown(value, "background." + key, file, "download, delay_seconds, max_mb_per_second"),
            };
        }

        return options;
    }

    private static List<ImagePolicy> Policies(YamlNode node, string file) =>
        [.. Entries(node, file).Select(entry => Policy(new ImagePolicy(entry.Key, PullPolicy.Lazy), entry.Value, "policies." + entry.Key, file))];

    private static ImagePolicy Policy(ImagePolicy policy, YamlNode node, string name, string file)
    {
        if (node is not YamlMappingNode) return policy with { Policy = Mode(node, name) };
        foreach ((string key, YamlNode value) in Entries(node, file))
        {
            policy = key switch
            {
                "mode" => policy with { Policy = Mode(value, name + ".mode") },
                "trace" => policy with { Trace = Choice(value, name + ".trace", file, "true", "false") == "true" },
                _ => throw Unknown(value, $"{name}.{key}", file, "mode, trace"),
            };
        }

        return policy;

        PullPolicy Mode(YamlNode value, string key) => Enum.Parse<PullPolicy>(Choice(value, key, file, "lazy", "eager", "auto"), ignoreCase: true);
    }

    private static NodeOptions Mount(NodeOptions options, YamlNode node, string file)
    {
        foreach ((string key, YamlNode value) in Entries(node, file))
        {
            options = key switch
            {
                "mode" => options with { MountMode = Enum.Parse<MountMode>(Choice(value, "mount.mode", file, "auto", "file", "loop"), ignoreCase: true) },
                "read_ahead_kb" => options with { ReadAheadKilobytes = Number(value, "mount.read_ahead_kb", file, 0, 1 << 16) },
                "lazy_read_ahead_kb" => options with { LazyReadAheadKilobytes = Number(value, "mount.lazy_read_ahead_kb", file, 0, 1 << 16) },
                _ => throw Unknown(value, "mount." + key, file, "mode, read_ahead_kb, lazy_read_ahead_kb"),
            };
        }

        return options;
    }

    private static NodeOptions Writable(NodeOptions options, YamlNode node, string file)
    {
        foreach ((string key, YamlNode value) in Entries(node, file))
        {
            options = key switch
            {
                "mode" => options with { WriteMode = WriteModes.Parse(Choice(value, "writable.mode", file, WriteModes.Names.Split(", ")))!.Value },
                "upper" => options with { UpperKind = Enum.Parse<UpperKind>(Choice(value, "writable.upper", file, "append", "sparse"), ignoreCase: true) },
                _ => throw Unknown(value, "writable." + key, file, "mode, upper"),
            };
        }

        return options;
    }

    private static NodeOptions Registry(NodeOptions options, YamlNode node, string file)
    {
        string? proxy = null, direct = null;
        foreach ((string key, YamlNode value) in Entries(node, file))
        {
            if (key is "proxy" or "no_proxy")
            {
                if (key == "proxy") proxy = Scalar(value, "registry.proxy", file);
                else direct = string.Join(',', List(value, "registry.no_proxy", file));
                options = options with { Sources = options.Sources with { Proxy = Proxy(proxy, direct, value, file) } };
                continue;
            }

            options = options with
            {
                Sources = key switch
                {
                    "plain_http" => options.Sources with { PlainHttp = Choice(value, "registry.plain_http", file, "true", "false") == "true" },
                    "hosts_dir" => options.Sources with { HostDirectories = [AbsolutePath(value, "registry.hosts_dir", file)] },
                    "auth_file" => options.Sources with { AuthFile = AbsolutePath(value, "registry.auth_file", file) },
                    "connections_per_host" => options.Sources with { ConnectionsPerHost = Number(value, "registry.connections_per_host", file, 1, 1024) },
                    "requests_per_second" => options.Sources with { Places = options.Sources.Places with { RequestsPerSecond = Number(value, "registry.requests_per_second", file, 0, 100_000) } },
                    _ => throw Unknown(value, "registry." + key, file, "plain_http, hosts_dir, auth_file, connections_per_host, requests_per_second, proxy, no_proxy"),
                },
            };
        }

        return options;
    }

    private static NodeOptions Fetch(NodeOptions options, YamlNode node, string file)
    {
        foreach ((string key, YamlNode value) in Entries(node, file))
        {
            if (key == "deadlines")
            {
                options = options with { Deadlines = Deadlines(value, file) };
                continue;
            }

            if (key == "deadline_seconds")
            {
                options = WithDeadline(options, TimeSpan.FromSeconds(Number(value, "fetch.deadline_seconds", file, 1, 3600)));
                continue;
            }

            options = options with
            {
                Fetch = key switch
                {
                    "amplification_kb" => options.Fetch with { Amplification = Number(value, "fetch.amplification_kb", file, 0, 1 << 16) << 10 },
                    "read_ahead_kb" => options.Fetch with { MaxReadAhead = Number(value, "fetch.read_ahead_kb", file, 0, 1 << 16) << 10 },
                    "merge_gap_kb" => options.Fetch with { MergeGap = Number(value, "fetch.merge_gap_kb", file, 0, 1 << 16) << 10 },
                    "max_fetch_kb" => options.Fetch with { MaxFetch = Number(value, "fetch.max_fetch_kb", file, 64, 1 << 16) << 10 },
                    "concurrency" => options.Fetch with { TotalConcurrency = Number(value, "fetch.concurrency", file, 1, 256) },
                    "concurrency_per_source" => options.Fetch with { ConcurrencyPerSource = Number(value, "fetch.concurrency_per_source", file, 1, 256) },
                    "hedge_percent" => options.Fetch with { HedgeShare = Number(value, "fetch.hedge_percent", file, 0, 50) / 100.0 },
                    _ => throw Unknown(value, "fetch." + key, file, "deadline_seconds, deadlines, amplification_kb, read_ahead_kb, merge_gap_kb, max_fetch_kb, concurrency, concurrency_per_source, hedge_percent"),
                },
            };
        }

        return options;
    }

    private static List<ImageDeadline> Deadlines(YamlNode node, string file) =>
        [.. Entries(node, file).Select(entry => new ImageDeadline(entry.Key, TimeSpan.FromSeconds(Number(entry.Value, "fetch.deadlines." + entry.Key, file, 1, 3600))))];

    /// <summary>A silent source is given up after a third of a short deadline, so that what is left suffices for another attempt.</summary>
    private static NodeOptions WithDeadline(NodeOptions options, TimeSpan deadline)
    {
        TimeSpan attempt = deadline / 3;
        return options with
        {
            Fetch = options.Fetch with { RequestDeadline = deadline, AttemptTimeout = Shorter(options.Fetch.AttemptTimeout, attempt) },
            Sources = options.Sources with { StallTimeout = Shorter(options.Sources.StallTimeout, attempt), ConnectTimeout = Shorter(options.Sources.ConnectTimeout, attempt) },
        };

        static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;
    }

    internal static IEnumerable<(string Key, YamlNode Value)> Entries(YamlNode node, string file)
    {
        if (node is YamlScalarNode { Value: null or "" or "~" or "null" }) yield break; // a section with nothing in it
        if (node is not YamlMappingNode mapping) throw Wrong(node, file, "a mapping is expected here");
        foreach ((YamlNode key, YamlNode value) in mapping.Children)
        {
            if (key is not YamlScalarNode { Value: { } name }) throw Wrong(key, file, "keys are plain words");
            yield return (name, value);
        }
    }

    internal static string Scalar(YamlNode node, string key, string file) =>
        node is YamlScalarNode { Value: { Length: > 0 } value } ? value : throw Wrong(node, file, $"'{key}' needs a value");

    private static string AbsolutePath(YamlNode node, string key, string file)
    {
        string value = Scalar(node, key, file);
        return Path.IsPathRooted(value) ? value : throw Wrong(node, file, $"'{key}' is '{value}', which is not an absolute path");
    }

    private static IPEndPoint Endpoint(YamlNode node, string key, string file)
    {
        string value = Scalar(node, key, file);
        return IPEndPoint.TryParse(value, out IPEndPoint? address) && address.Port > 0 ? address : throw Wrong(node, file, $"'{key}' is '{value}', not an address with a port, as 127.0.0.1:9475 or [::1]:9475");
    }

    private static string Url(YamlNode node, string key, string file)
    {
        string value = Scalar(node, key, file);
        return Uri.TryCreate(value, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https" && url is { UserInfo: "", Query: "", Fragment: "" }
            ? value
            : throw Wrong(node, file, $"'{key}' is not a URL as http://127.0.0.1:4318, without user, password and query");
    }

    private static string Choice(YamlNode node, string key, string file, params string[] choices)
    {
        string value = Scalar(node, key, file);
        return choices.Contains(value) ? value : throw Wrong(node, file, $"'{key}' is '{value}'; it can be {string.Join(", ", choices)}");
    }

    internal static int Number(YamlNode node, string key, string file, int least, int most)
    {
        string value = Scalar(node, key, file);
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw Wrong(node, file, $"'{key}' is '{value}', not a number from {least} to {most}");
    }

    internal static SluiceException Unknown(YamlNode node, string key, string file, string known) => Wrong(node, file, $"'{key}' is not a setting; there are: {known}");

    internal static SluiceException Wrong(YamlNode node, string file, string message) => new(SluiceError.Configuration, $"{file}:{node.Start.Line}", message);
}
