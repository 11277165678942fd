using Sluice.Storage.Sources.Credentials;

namespace Sluice.Node.Configuration;

/// <summary>All keys of the configuration file. docs/configuration.md says of each whether it needs a restart; a test compares.</summary>
internal static class ConfigurationKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new("root", options => options.Root),
        new("state", options => options.State),
        new("address", options => options.SocketPath),
        new("admin_address", options => options.AdminSocketPath),
        new("keeper", options => options.Keeper),
        new("prefetch", options => options.Prefetch),
        new("policies", options => string.Join(", ", options.Policies), (here, wanted) => here with { Policies = wanted.Policies }),
        new("background.download", options => options.Background.IsOn,
            (here, wanted) => here with { Background = here.Background with { IsOn = wanted.Background.IsOn } }),
        new("background.delay_seconds", options => options.Background.Delay,
            (here, wanted) => here with { Background = here.Background with { Delay = wanted.Background.Delay } }),
        new("background.max_mb_per_second", options => options.Background.MaxMegabytesPerSecond,
            (here, wanted) => here with { Background = here.Background with { MaxMegabytesPerSecond = wanted.Background.MaxMegabytesPerSecond } }),
        new("log_level", options => options.Verbose, (here, wanted) => here with { Verbose = wanted.Verbose }),
        new("log_format", options => options.JsonLog),
        new("hung_seconds", options => options.HungSeconds, (here, wanted) => here with { HungSeconds = wanted.HungSeconds }),
        new("metrics_address", options => options.MetricsAddress?.ToString()),
        new("metrics_allow_remote", options => options.MetricsAllowRemote),
        new("otlp_endpoint", options => options.OtlpEndpoint),
        new("otlp_interval_seconds", options => options.OtlpInterval),
        new("mount.mode", options => options.MountMode),
        new("mount.read_ahead_kb", options => options.ReadAheadKilobytes),
        new("mount.lazy_read_ahead_kb", options => options.LazyReadAheadKilobytes),
        new("writable.mode", options => options.WriteMode),
        new("writable.upper", options => options.UpperKind),
        new("registry.plain_http", options => options.Sources.PlainHttp,
            (here, wanted) => here with { Sources = here.Sources with { PlainHttp = wanted.Sources.PlainHttp } }),
        new("registry.hosts_dir", options => (string.Join(':', options.Sources.HostDirectories), options.HostFiles),
            (here, wanted) => here with { HostFiles = wanted.HostFiles, Sources = here.Sources with { HostDirectories = wanted.Sources.HostDirectories } }),
        new("registry.auth_file", options => options.Sources.AuthFile,
            (here, wanted) => here with { Sources = here.Sources with { AuthFile = wanted.Sources.AuthFile } }),
        new("registry.connections_per_host", options => options.Sources.ConnectionsPerHost,
            (here, wanted) => here with { Sources = here.Sources with { ConnectionsPerHost = wanted.Sources.ConnectionsPerHost } }),
        new("registry.requests_per_second", options => options.Sources.Places.RequestsPerSecond,
            (here, wanted) => here with { Sources = here.Sources with { Places = here.Sources.Places with { RequestsPerSecond = wanted.Sources.Places.RequestsPerSecond } } }),
        new("registry.proxy", options => options.Sources.Proxy,
            (here, wanted) => here with { Sources = here.Sources with { Proxy = wanted.Sources.Proxy } }),
        new("registry.no_proxy", options => options.Sources.Proxy?.Exceptions,
            (here, wanted) => here with { Sources = here.Sources with { Proxy = wanted.Sources.Proxy } }),
        new("credentials.secrets", options => string.Join(':', options.Sources.Credentials.SecretFiles),
            (here, wanted) => here with { Sources = here.Sources with { Credentials = here.Sources.Credentials with { SecretFiles = wanted.Sources.Credentials.SecretFiles } } }),
        new("credentials.providers", options => string.Join('\n', options.Sources.Credentials.Providers.Select(Describe)),
            (here, wanted) => here with { Sources = here.Sources with { Credentials = here.Sources.Credentials with { Providers = wanted.Sources.Credentials.Providers } } }),
        new("credentials.cri", options => (options.ImageServiceOf, options.PullLoginLife),
            (here, wanted) => here with { ImageServiceOf = wanted.ImageServiceOf, PullLoginLife = wanted.PullLoginLife }),
        new("fetch.deadline_seconds", options => options.Fetch.RequestDeadline,
            (here, wanted) => here with
            {
                Fetch = here.Fetch with { RequestDeadline = wanted.Fetch.RequestDeadline, AttemptTimeout = wanted.Fetch.AttemptTimeout },
                Sources = here.Sources with { StallTimeout = wanted.Sources.StallTimeout, ConnectTimeout = wanted.Sources.ConnectTimeout },
            }),
        new("fetch.deadlines", options => string.Join(", ", options.Deadlines), (here, wanted) => here with { Deadlines = wanted.Deadlines }),
        new("fetch.amplification_kb", options => options.Fetch.Amplification, (here, wanted) => here with { Fetch = here.Fetch with { Amplification = wanted.Fetch.Amplification } }),
        new("fetch.read_ahead_kb", options => options.Fetch.MaxReadAhead, (here, wanted) => here with { Fetch = here.Fetch with { MaxReadAhead = wanted.Fetch.MaxReadAhead } }),
        new("fetch.merge_gap_kb", options => options.Fetch.MergeGap, (here, wanted) => here with { Fetch = here.Fetch with { MergeGap = wanted.Fetch.MergeGap } }),
        new("fetch.max_fetch_kb", options => options.Fetch.MaxFetch, (here, wanted) => here with { Fetch = here.Fetch with { MaxFetch = wanted.Fetch.MaxFetch } }),
        new("fetch.concurrency", options => options.Fetch.TotalConcurrency, (here, wanted) => here with { Fetch = here.Fetch with { TotalConcurrency = wanted.Fetch.TotalConcurrency } }),
        new("cache.quota", options => options.Cache.Quota,
            (here, wanted) => here with { Cache = here.Cache with { Quota = wanted.Cache.Quota } }),
        new("cache.min_free", options => options.Cache.MinFree,
            (here, wanted) => here with { Cache = here.Cache with { MinFree = wanted.Cache.MinFree } }),
        new("cache.high_watermark", options => options.Cache.HighWatermark,
            (here, wanted) => here with { Cache = here.Cache with { HighWatermark = wanted.Cache.HighWatermark } }),
        new("cache.low_watermark", options => options.Cache.LowWatermark,
            (here, wanted) => here with { Cache = here.Cache with { LowWatermark = wanted.Cache.LowWatermark } }),
        new("fetch.concurrency_per_source", options => options.Fetch.ConcurrencyPerSource, (here, wanted) => here with { Fetch = here.Fetch with { ConcurrencyPerSource = wanted.Fetch.ConcurrencyPerSource } }),
        new("fetch.hedge_percent", options => options.Fetch.HedgeShare, (here, wanted) => here with { Fetch = here.Fetch with { HedgeShare = wanted.Fetch.HedgeShare } }),
        new("sources", options => string.Join('\n', options.Sources.ExtraSources.Select(source => $"{source} {string.Join(' ', source.Images)}")),
            (here, wanted) => here with { Sources = here.Sources with { ExtraSources = wanted.Sources.ExtraSources } }),
    ];

    private static string Describe(CredentialProvider provider) =>
        string.Join(' ', [provider.Program, .. provider.MatchImages, .. provider.Arguments, .. provider.Environment.Select(variable => variable.ToString()), $"{provider.DefaultCacheDuration}", provider.ApiVersion]);
}
