namespace Sluice.Storage.Sources.Registries;

/// <summary>How the servers of one host configuration are trusted. A value: equal settings share connections.</summary>
/// <param name="Authorities">PEM or DER files, newline-separated; trusted besides the system's.</param>
/// <param name="ClientCertificates">Pairs <c>certificate TAB key</c>, newline-separated; PEM. An empty key means the certificate's file.</param>
internal sealed record TlsSettings(string Authorities = "", string ClientCertificates = "", bool SkipVerify = false)
{
    public static TlsSettings System { get; } = new();

    public IEnumerable<string> AuthorityFiles => Authorities.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public IEnumerable<(string Certificate, string Key)> ClientFiles =>
        ClientCertificates.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('\t')).Select(pair => (pair[0], pair[1]));

    /// <summary>For the hosts that a registry redirects to: they see no client certificate.</summary>
    public TlsSettings ForOthers => this with { ClientCertificates = "" };
}
