namespace Sluice.Storage.Sources.Registries;

/// <summary>What a host may be asked for. The words are those of <c>hosts.toml</c>.</summary>
[Flags]
internal enum HostCapabilities
{
    None = 0,

    /// <summary>Content by digest, which is checked.</summary>
    Pull = 1,

    /// <summary>Tags, for which the host's word counts.</summary>
    Resolve = 2,

    Push = 4,

    All = Pull | Resolve | Push,
}
