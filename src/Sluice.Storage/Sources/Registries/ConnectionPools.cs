using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Registries;

/// <summary>Connections of one state of the configuration: a pool for each way of trusting hosts, over the proxy and without. Made when they are needed.</summary>
internal sealed class ConnectionPools : IDisposable
{
    private readonly SourceOptions _options;
    private readonly ConcurrentDictionary<(TlsSettings Tls, bool Proxy), Pool> _pools = new();

    /// <param name="before">The state before, whose pools go on where nothing has changed for them, also not in the files with certificates; null: there was none.</param>
    public ConnectionPools(SourceOptions options, ConnectionPools? before = null)
    {
        _options = options;
        if (before is null || before._options.ConnectionsPerHost != options.ConnectionsPerHost || before._options.ConnectTimeout != options.ConnectTimeout) return;
        foreach (((TlsSettings Tls, bool Proxy) key, Pool pool) in before._pools)
        {
            if ((!key.Proxy || Equals(before._options.Proxy, options.Proxy)) && pool.Certificates == CertificatesOf(key.Tls)) _pools.TryAdd(key, pool);
        }
    }

    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: a certificate file can't be read.</exception>
    public HttpMessageInvoker For(Uri address, TlsSettings tls) =>
        _pools.GetOrAdd((tls, Proxy: !RegistryHosts.IsLoopback(address.Host)), static (key, options) => new Pool(CertificatesOf(key.Tls), Create(key.Tls, key.Proxy, options)), _options).Invoker;

    /// <summary>Host and port of the proxy over which an address is reached; null: directly.</summary>
    public string? ProxyOf(Uri address) => RegistryHosts.IsLoopback(address.Host) ? null : _options.Proxy?.GetProxy(address)?.Authority;

    public void Dispose()
    {
        foreach (Pool pool in _pools.Values) pool.Invoker.Dispose();
        _pools.Clear();
    }

    /// <summary>What the files with certificates hold, as one digest; empty where there are none. A file that can't be read counts as one with nothing in it.</summary>
    private static string CertificatesOf(TlsSettings tls)
    {
        string[] files = [.. tls.AuthorityFiles, .. tls.ClientFiles.SelectMany(pair => (string[])[pair.Certificate, pair.Key]).Where(file => file.Length > 0)];
        if (files.Length == 0) return "";
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string file in files)
        {
            try
            {
                hash.AppendData(SHA256.HashData(File.ReadAllBytes(file)));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                hash.AppendData([0]);
            }
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static HttpMessageInvoker Create(TlsSettings tls, bool proxy, SourceOptions options)
    {
        SocketsHttpHandler handler = new()
        {
            // Redirects decide about secrets, and blobs must arrive as they are stored.
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxConnectionsPerServer = options.ConnectionsPerHost,
            ConnectTimeout = options.ConnectTimeout,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
            MaxResponseDrainSize = 256 << 10,
            UseProxy = proxy && options.Proxy is not null,
            Proxy = options.Proxy,
            ActivityHeadersPropagator = null,
        };
        if (tls.ClientCertificates.Length > 0) handler.SslOptions.ClientCertificates = LoadClientCertificates(tls);
        if (tls.SkipVerify)
        {
#pragma warning disable CA5359 // This is what skip_verify asks for; content is checked against digests all the same.
            handler.SslOptions.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (tls.Authorities.Length > 0)
        {
            X509Certificate2Collection authorities = LoadAuthorities(tls);
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsTrusted(certificate, chain, errors, authorities);
        }

        return new HttpMessageInvoker(handler);
    }

    private static bool IsTrusted(X509Certificate? certificate, X509Chain? sent, SslPolicyErrors errors, X509Certificate2Collection authorities)
    {
        if (errors == SslPolicyErrors.None) return true;
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is not X509Certificate2 server) return false;
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1") /* server authentication */);
        if (sent is not null) chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore);
        return chain.Build(server);
    }

    private static X509Certificate2Collection LoadAuthorities(TlsSettings tls)
    {
        X509Certificate2Collection authorities = [];
        foreach (string file in tls.AuthorityFiles)
        {
            Load(file, () =>
            {
                int before = authorities.Count;
                if (File.ReadAllText(file).Contains("-----BEGIN", StringComparison.Ordinal)) authorities.ImportFromPemFile(file);
                else authorities.Add(X509CertificateLoader.LoadCertificateFromFile(file));
                if (authorities.Count == before) throw new CryptographicException("holds no certificate");
            });
        }

        return authorities;
    }

    private static X509CertificateCollection LoadClientCertificates(TlsSettings tls)
    {
        X509CertificateCollection certificates = [];
        foreach ((string certificate, string key) in tls.ClientFiles)
        {
            Load(certificate, () => certificates.Add(X509Certificate2.CreateFromPemFile(certificate, key.Length == 0 ? certificate : key)));
        }

        return certificates;
    }

    private static void Load(string file, Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new SluiceException(SluiceError.Configuration, file, $"certificate can't be used: {error.Message}", inner: error);
        }
    }

    /// <param name="Certificates">See <see cref="CertificatesOf"/>, when it was made.</param>
    private sealed record Pool(string Certificates, HttpMessageInvoker Invoker);
}
