using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Sluice.Testing;

/// <summary>
/// A small HTTP/1.1 server on a loopback port that passes requests on to a real server, or answers them by
/// <see cref="Respond"/>, and does to the answers what <see cref="Inject"/> lists. Bodies are held in memory. With a
/// <see cref="TlsFlaw"/> it speaks https, well or badly.
/// </summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Task, bool> _running = new();
    private readonly ConcurrentQueue<(string Part, Fault Fault)> _faults = new();
    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, AutomaticDecompression = DecompressionMethods.None, UseProxy = false });
    private readonly Uri? _upstream;
    private readonly TlsFlaw? _tls;
    private readonly Task _accepting;

    /// <param name="upstream">Where requests are passed on to.</param>
    /// <param name="port">0 takes any free one.</param>
    /// <param name="tls">Null: http.</param>
    public FaultProxy(Uri? upstream = null, int port = 0, TlsFlaw? tls = null)
    {
        (_upstream, _tls) = (upstream, tls);
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Server.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Start();
        Authority = $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _accepting = AcceptAsync();
    }

    /// <summary>Host and port.</summary>
    public string Authority { get; }

    public Uri Address => new($"{(_tls is null ? "http" : "https")}://{Authority}");

    /// <summary>Answers instead of the server behind; null passes the request on, or is 404 without one.</summary>
    public Func<ProxyRequest, ProxyResponse?>? Respond { get; set; }

    /// <summary>A fault for every request for which nothing is injected.</summary>
    public Func<ProxyRequest, Fault?>? Always { get; set; }

    /// <summary>All requests so far, in order.</summary>
    public ConcurrentQueue<ProxyRequest> Requests { get; } = new();

    private int _signatures;

    /// <summary>Bytes of bodies that were sent.</summary>
    public long BytesSent;

    /// <summary>Spoils the next requests whose method and target contain <paramref name="part"/>, e.g. <c>GET</c> or <c>/blobs/</c>; one fault each, in order.</summary>
    public void Inject(string part, params Fault[] faults)
    {
        foreach (Fault fault in faults) _faults.Enqueue((part, fault));
    }

    /// <summary>True once every injected fault has happened.</summary>
    public bool IsUsedUp => _faults.IsEmpty;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_running.Keys);
        _client.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptSocketAsync(_stop.Token);
                Task serving = ServeAsync(socket);
                _running[serving] = true;
                _ = serving.ContinueWith(done => _running.TryRemove(done, out _), TaskScheduler.Default);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // Stopped, perhaps between two connections.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                socket.NoDelay = true;
                await using Stream? stream = await OpenAsync(socket);
                if (stream is null) return;
                using ProxyConnection connection = new(stream, socket);
                while (await connection.ReadRequestAsync(_stop.Token) is { } request)
                {
                    Requests.Enqueue(request);
                    Fault fault = Next(request) ?? new Fault(FaultKind.None);
                    ProxyResponse response = await AnswerAsync(request, fault);
                    Interlocked.Add(ref BytesSent, response.Body.Length);
                    if (!await connection.SendAsync(request, response, fault, _stop.Token)) return;
                }
            }
            catch (Exception error) when (error is IOException or OperationCanceledException or SocketException or ObjectDisposedException or AuthenticationException)
            {
                // The client went away, or the test is over.
            }
        }
    }

    /// <summary>Null if the connection has ended badly, as was wanted.</summary>
    private async Task<Stream?> OpenAsync(Socket socket)
    {
        NetworkStream plain = new(socket);
        if (_tls is null) return plain;
        if (_tls == TlsFlaw.HandshakeAborted)
        {
            _ = await plain.ReadAsync(new byte[16], _stop.Token);
            ProxyConnection.Reset(socket);
            return null;
        }

        SslStream encrypted = new(plain);
        await encrypted.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = TestCertificates.For(_tls.Value) }, _stop.Token);
        return encrypted;
    }

    private Fault? Next(ProxyRequest request)
    {
        lock (_faults)
        {
            if (_faults.TryPeek(out var next) && $"{request.Method} {request.Target}".Contains(next.Part, StringComparison.Ordinal) && _faults.TryDequeue(out _)) return next.Fault;
        }

        return Always?.Invoke(request);
    }

    private async Task<ProxyResponse> AnswerAsync(ProxyRequest request, Fault fault)
    {
        switch (fault.Kind)
        {
            case FaultKind.Status:
                ProxyResponse status = ProxyResponse.Json("""{"errors":[{"code":"INJECTED","message":"injected fault"}]}""", fault.Status);
                if (fault.RetryAfter is not null) status.Headers["Retry-After"] = fault.RetryAfter;
                return status;
            case FaultKind.RedirectNowhere:
                return new ProxyResponse(307, []);
            case FaultKind.RedirectAway:
                string signature = $"X-Amz-Signature=signed-{Interlocked.Increment(ref _signatures)}";
                return new ProxyResponse(307, []) { Headers = { ["Location"] = $"{fault.Location}{request.Target}{(request.Target.Contains('?', StringComparison.Ordinal) ? '&' : '?')}{signature}" } };
            case FaultKind.Empty:
                return new ProxyResponse(200, []);
            case FaultKind.Redirect or FaultKind.RedirectLoop:
                return new ProxyResponse(307, []) { Headers = { ["Location"] = fault.Location ?? request.Target } };
            case FaultKind.IgnoreRange:
                request = request with { Headers = request.Headers.Where(header => header.Key != "Range").ToDictionary(StringComparer.OrdinalIgnoreCase) };
                break;
        }

        return Respond?.Invoke(request) ?? (_upstream is null ? new ProxyResponse(404, []) : await ForwardAsync(request));
    }

    private async Task<ProxyResponse> ForwardAsync(ProxyRequest request)
    {
        using HttpRequestMessage forwarded = new(new HttpMethod(request.Method), new Uri(_upstream!, request.Target));
        if (request.Body.Length > 0 || request.Method is "PUT" or "POST" or "PATCH") forwarded.Content = new ByteArrayContent(request.Body);
        foreach ((string name, string value) in request.Headers)
        {
            if (name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) || name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)) continue;
            if (!forwarded.Headers.TryAddWithoutValidation(name, value)) forwarded.Content?.Headers.TryAddWithoutValidation(name, value);
        }

        using HttpResponseMessage response = await _client.SendAsync(forwarded, _stop.Token);
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        foreach ((string name, var values) in response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated)) headers[name] = values.ToString();
        headers.Remove("Transfer-Encoding");
        byte[] body = await response.Content.ReadAsByteArrayAsync(_stop.Token);
        if (request.Method == "HEAD") return new ProxyResponse((int)response.StatusCode, []) { Headers = headers };
        headers.Remove("Content-Length");
        return new ProxyResponse((int)response.StatusCode, body) { Headers = headers };
    }
}
