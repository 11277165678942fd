using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Sluice.Formats;
using Sluice.Registry.Http;
using Sluice.Registry.Store;

namespace Sluice.Registry;

/// <summary>
/// A small OCI registry (distribution-spec 1.1: pull, push, content discovery, content management) over a plain
/// directory. Runs from <see cref="StartAsync"/> until it is disposed, in this process, on Kestrel without a running
/// host: it reads no configuration files or environment and handles no signals.
/// </summary>
public sealed class RegistryServer : IAsyncDisposable
{
    private readonly WebApplication _services;
    private readonly IServer _kestrel;
    private readonly RegistryStore _store;

    private RegistryServer(WebApplication services, IServer kestrel, RegistryStore store)
    {
        _services = services;
        _kestrel = kestrel;
        _store = store;
        Address = new Uri(kestrel.Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    /// <summary>Where it listens, with the port it got: <c>http://127.0.0.1:5000/</c>.</summary>
    public Uri Address { get; }

    /// <summary>Host and port as they stand in image references: <c>127.0.0.1:5000</c>.</summary>
    public string Host => Address.Authority;

    public int Port => Address.Port;

    /// <summary>Opens the directory, removes what crashes and deletions left behind, and listens.</summary>
    /// <exception cref="SluiceException">The directory is not a registry's or in use, the address is taken, or a PEM file is bad.</exception>
    public static async Task<RegistryServer> StartAsync(RegistryOptions options, CancellationToken cancellationToken = default)
    {
        HttpsConnectionAdapterOptions? https = LoadCertificate(options);
        RegistryStore store = RegistryStore.Open(options);
        WebApplication services = BuildServices(options, https);
        try
        {
            IServer kestrel = services.Services.GetRequiredService<IServer>();
            await kestrel.StartAsync(new RegistryApplication(options, store), cancellationToken);
            return new RegistryServer(services, kestrel, store);
        }
        catch (Exception e)
        {
            await services.DisposeAsync();
            store.Dispose();
            if (e is not IOException) throw;
            throw new SluiceException(
                SluiceError.Configuration, $"registry {options.Listen}", $"can't listen: {e.Message}", "choose another port, or 0 for any free one", e);
        }
    }

    /// <summary>Stops listening, gives requests that are being answered a second, and closes the directory.</summary>
    public async ValueTask DisposeAsync()
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(1));
        await _kestrel.StopAsync(patience.Token);
        await _services.DisposeAsync();
        _store.Dispose();
    }

    private static WebApplication BuildServices(RegistryOptions options, HttpsConnectionAdapterOptions? https)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, options, https));
        return builder.Build();
    }

    private static void Configure(KestrelServerOptions kestrel, RegistryOptions options, HttpsConnectionAdapterOptions? https)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MaxResponseBufferSize = BlobContent.BufferSize;

        // A lazy client may pause in the middle of a blob for as long as its container thinks.
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Listen(options.Listen, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            if (https is not null) listen.UseHttps(https);
        });
    }

    private static HttpsConnectionAdapterOptions? LoadCertificate(RegistryOptions options)
    {
        if ((options.CertificateFile is null) != (options.KeyFile is null))
            throw new SluiceException(SluiceError.Configuration, "registry", "a certificate needs its key, and a key its certificate");
        if (options.CertificateFile is null) return null;
        try
        {
            X509Certificate2Collection chain = [];
            chain.ImportFromPemFile(options.CertificateFile);
            return new HttpsConnectionAdapterOptions
            {
                ServerCertificate = X509Certificate2.CreateFromPemFile(options.CertificateFile, options.KeyFile),
                ServerCertificateChain = chain,
            };
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Configuration, options.CertificateFile, $"can't be used as a certificate: {e.Message}", inner: e);
        }
    }
}
