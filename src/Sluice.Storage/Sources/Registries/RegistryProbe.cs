using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Registries;

/// <summary>Asks the hosts of a registry for a sign of life, with the connections and certificates that reads would use, but without a login.</summary>
/// <param name="limit">For each host.</param>
public sealed class RegistryProbe(SourceOptions options, TimeSpan limit)
{
    /// <returns>One answer a host, in the order in which reads ask them.</returns>
    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: <c>hosts.toml</c> or a certificate file is wrong; names file and line.</exception>
    public async Task<IReadOnlyList<HostAnswer>> AskAsync(string registry, CancellationToken cancellation)
    {
        using var connections = new RegistryConnections(options);
        (RegistryHost Host, HttpMessageInvoker Pool)[] hosts = [.. RegistryHosts.Resolve(registry, options).Select(host => (host, connections.For(host.Api, host.Tls)))];
        return await Task.WhenAll(hosts.Select(host => AskAsync(host.Host, host.Pool, cancellation))).ConfigureAwait(false);
    }

    private async Task<HostAnswer> AskAsync(RegistryHost host, HttpMessageInvoker pool, CancellationToken cancellation)
    {
        Uri? proxy = RegistryHosts.IsLoopback(host.Api.Host) ? null : HttpClient.DefaultProxy.GetProxy(host.Api);
        var answer = new HostAnswer($"{host.Api.Host}:{host.Api.Port}", host.IsMirror, proxy?.Authority, IsPlain: host.Api.Scheme == "http");
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(limit);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(host.Api.AbsoluteUri.TrimEnd('/') + "/"));
            using HttpResponseMessage response = await pool.SendAsync(request, deadline.Token).ConfigureAwait(false);
            return answer with { Date = response.Headers.Date };
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return answer with { Trouble = proxy is null ? HostTrouble.Unreachable : HostTrouble.Proxy, Message = $"no answer within {limit.TotalSeconds:0.#} s" };
        }
        catch (Exception error) when (error is HttpRequestException or IOException or SocketException)
        {
            SluiceException fault = RegistryFaults.FromException(host, error, "");
            HostTrouble trouble = TroubleOf(error, proxy is not null);
            answer = answer with { Trouble = trouble, Message = fault.Message[(fault.Culprit.Length + 2)..] };
            return trouble == HostTrouble.Other && error.InnerException is AuthenticationException && proxy is null ? await LookAtCertificateAsync(host, answer, deadline.Token).ConfigureAwait(false) : answer;
        }
    }

    private static HostTrouble TroubleOf(Exception error, bool proxied) => error switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.ProxyTunnelError } => HostTrouble.Proxy,
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError } when proxied => HostTrouble.Proxy,
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } or HttpRequestException { InnerException: SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData } } => HostTrouble.Name,
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => HostTrouble.Unreachable,
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError, InnerException: not AuthenticationException } => HostTrouble.NoTls,
        HttpRequestException { InnerException: AuthenticationException { Message: var text } } when text.Contains("frame", StringComparison.OrdinalIgnoreCase) => HostTrouble.NoTls,
        _ => HostTrouble.Other,
    };

    /// <summary>Once more, taking whatever certificate is shown: .NET does not say what was wrong with one that is refused.</summary>
    private static async Task<HostAnswer> LookAtCertificateAsync(RegistryHost host, HostAnswer answer, CancellationToken cancellation)
    {
        X509Certificate2? shown = null;
        SslPolicyErrors errors = SslPolicyErrors.None;
        try
        {
            using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(new DnsEndPoint(host.Api.Host, host.Api.Port), cancellation).ConfigureAwait(false);
            await using SslStream tls = new(new NetworkStream(socket));
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = host.Api.Host,
                    CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
#pragma warning disable CA5359 // Nothing is sent over this connection.
                    RemoteCertificateValidationCallback = (_, certificate, _, found) =>
                    {
                        errors = found;
                        if (certificate is not null) shown = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
                        return true;
                    },
#pragma warning restore CA5359
                },
                cancellation).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or SocketException or AuthenticationException or OperationCanceledException)
        {
            if (shown is null) return answer; // a client certificate may be wanted
        }

        using (shown)
        {
            if (shown is null) return answer;
            DateTimeOffset from = new(shown.NotBefore), to = new(shown.NotAfter);
            answer = answer with { CertificateEnds = to };
            DateTimeOffset now = DateTimeOffset.UtcNow;
            if (now > to) return answer with { Trouble = HostTrouble.CertificateTime, Message = $"its certificate ended on {to:yyyy-MM-dd}" };
            if (now < from) return answer with { Trouble = HostTrouble.CertificateTime, Message = $"its certificate begins on {from:yyyy-MM-dd}" };
            if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)) return answer with { Trouble = HostTrouble.CertificateName, Message = $"its certificate is for {NamesOf(shown)}" };
            return answer with { Trouble = HostTrouble.CertificateAuthority, Message = $"its certificate is signed by {shown.Issuer}, which this machine does not trust" };
        }
    }

    private static string NamesOf(X509Certificate2 certificate)
    {
        string[] names = [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(extension => extension.EnumerateDnsNames().Concat(extension.EnumerateIPAddresses().Select(address => address.ToString())))];
        return names.Length == 0 ? certificate.Subject : string.Join(", ", names.Take(5));
    }
}
