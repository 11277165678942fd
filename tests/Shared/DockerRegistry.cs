using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Sluice.Testing;

/// <summary>A real registry (Debian's docker-registry) on a loopback port, with its storage in a temporary directory.</summary>
internal sealed class DockerRegistry : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);

    private readonly TemporaryDirectory _directory;
    private readonly Process _process;

    private DockerRegistry(TemporaryDirectory directory, Process process, string authority)
    {
        _directory = directory;
        _process = process;
        Authority = authority;
    }

    /// <summary>Host and port.</summary>
    public string Authority { get; }

    /// <summary>The directory with everything it keeps.</summary>
    public string Storage => _directory.File("storage");

    public Uri Address => new($"http://{Authority}");

    /// <summary>Skips the calling test where the registry is not installed.</summary>
    public static async Task<DockerRegistry> StartAsync()
    {
        if (!IsInstalled("docker-registry")) Assert.Skip("docker-registry is not installed");
        TemporaryDirectory directory = new();
        string authority = $"127.0.0.1:{FreePort()}";
        string config = directory.File("config.yml");
        await File.WriteAllTextAsync(config, $"""
            version: 0.1
            log:
              level: error
              accesslog:
                disabled: true
            storage:
              filesystem:
                rootdirectory: {directory.File("storage")}
              delete:
                enabled: true
            http:
              addr: {authority}
            """);
        Process process = Process.Start(new ProcessStartInfo("docker-registry", ["serve", config]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        DockerRegistry registry = new(directory, process, authority);
        try
        {
            await registry.WaitAsync();
            return registry;
        }
        catch
        {
            await registry.DisposeAsync();
            throw;
        }
    }

    public static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, program)));

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _directory.Dispose();
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task WaitAsync()
    {
        using HttpClient client = new(new SocketsHttpHandler { UseProxy = false });
        using CancellationTokenSource limit = new(StartLimit);
        while (true)
        {
            if (_process.HasExited) throw new InvalidOperationException($"docker-registry ended with status {_process.ExitCode}");
            try
            {
                using HttpResponseMessage response = await client.GetAsync(new Uri(Address, "/v2/"), limit.Token);
                if (response.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }

            await Task.Delay(30, limit.Token);
        }
    }
}
