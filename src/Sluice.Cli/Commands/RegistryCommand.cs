using System.CommandLine;
using System.Net;
using Sluice.Formats;
using Sluice.Registry;

namespace Sluice.Cli.Commands;

internal static class RegistryCommand
{
    public static Command Create()
    {
        var directory = new Argument<string>("DIR") { Description = "Where the registry keeps everything; made if missing" };
        var listen = new Option<string>("--listen") { Description = "ADDRESS:PORT", DefaultValueFactory = _ => "127.0.0.1:5000" };
        var certificate = new Option<string?>("--tls-cert") { Description = "PEM file; with --tls-key, serves https" };
        var key = new Option<string?>("--tls-key") { Description = "PEM file" };
        var user = new Option<string?>("--user") { Description = "Ask for this user; the password comes from $SLUICE_REGISTRY_PASSWORD" };
        var serve = new Command("serve", "Serve a directory as an OCI registry.") { directory, listen, certificate, key, user };
        serve.SetAction(async (parsed, cancellation) =>
        {
            string address = parsed.GetValue(listen)!;
            if (!IPEndPoint.TryParse(address, out IPEndPoint? endpoint) || !address.Contains(':', StringComparison.Ordinal))
            {
                throw new SluiceException(SluiceError.Usage, "--listen", $"'{address}' is not ADDRESS:PORT", "for example 127.0.0.1:5000");
            }

            var options = new RegistryOptions
            {
                Directory = parsed.GetValue(directory)!,
                Listen = endpoint,
                CertificateFile = parsed.GetValue(certificate),
                KeyFile = parsed.GetValue(key),
                User = parsed.GetValue(user),
                Password = parsed.GetValue(user) is null ? null : Password(),
            };
            using var stop = new StopSignal(cancellation);
            await using RegistryServer server = await RegistryServer.StartAsync(options, stop.Token);
            Console.Error.WriteLine($"serving {options.Directory} on {server.Address}");
            await stop.Signalled;
            return ExitCodes.Success;
        });
        return new Command("registry", "A small OCI registry.") { serve };
    }

    private static string Password() => Environment.GetEnvironmentVariable("SLUICE_REGISTRY_PASSWORD")
        ?? throw new SluiceException(SluiceError.Usage, "--user", "there is no password", "set SLUICE_REGISTRY_PASSWORD");
}
