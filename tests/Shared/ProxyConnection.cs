using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Sluice.Testing;

/// <summary>One connection of a <see cref="FaultProxy"/>: reads requests, sends answers, well or badly.</summary>
internal sealed class ProxyConnection(Stream stream, Socket socket) : IDisposable
{
    private readonly BufferedStream _input = new(stream, 16 << 10);

    public void Dispose() => _input.Dispose();

    /// <summary>The next request; null when the client has closed.</summary>
    public async Task<ProxyRequest?> ReadRequestAsync(CancellationToken cancellation)
    {
        string? first = await ReadLineAsync(cancellation);
        if (string.IsNullOrEmpty(first)) return null;
        string[] parts = first.Split(' ');
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        while (await ReadLineAsync(cancellation) is { Length: > 0 } line)
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0) return null; // no HTTP: the first bytes of TLS may hold ends of lines
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        if (headers.GetValueOrDefault("Expect") is not null) await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), cancellation);
        return new ProxyRequest(parts[0], parts[1], headers, await ReadBodyAsync(headers, cancellation));
    }

    /// <returns>True if the connection may be used again.</returns>
    public async Task<bool> SendAsync(ProxyRequest request, ProxyResponse response, Fault fault, CancellationToken cancellation)
    {
        byte[] body = response.Body;
        string second = "";
        switch (fault.Kind)
        {
            case FaultKind.Delay:
                await Task.Delay(fault.Delay, cancellation);
                break;
            case FaultKind.ResetAtOnce:
                Reset(socket);
                return false;
            case FaultKind.Garbage:
                await stream.WriteAsync("SSH-2.0-nothing\r\n\r\n"u8.ToArray(), cancellation);
                return false;
            case FaultKind.EndlessHead:
                await stream.WriteAsync(Encoding.Latin1.GetBytes($"HTTP/1.1 200 OK\r\nX-Long: {new string('x', 128 << 10)}\r\n\r\n"), cancellation);
                return false;
            case FaultKind.Encoded:
                response.Headers["Content-Encoding"] = "gzip";
                break;
            case FaultKind.TwoLengths:
                second = $"Content-Length: {body.Length + 1}\r\n";
                break;
            case FaultKind.TwoRanges:
                second = "Content-Range: bytes 0-0/1\r\n";
                break;
            case FaultKind.TooLong when body.Length > 0:
                body = [.. body, 0];
                break;
            case FaultKind.Silence:
                await WaitForCloseAsync(cancellation);
                return false;
            case FaultKind.WrongBytes when body.Length > 0:
                body = [.. body];
                if (fault.Damage is { } damage) damage(body);
                else body[body.Length / 2] ^= 1;
                break;
            case FaultKind.WrongLength when body.Length > 0:
                body = body[..^1];
                break;
            case FaultKind.WrongRange when response.Headers.TryGetValue("Content-Range", out string? range):
                string[] ends = range["bytes ".Length..].Split('-', '/');
                response.Headers["Content-Range"] = string.Create(CultureInfo.InvariantCulture, $"bytes {Shift(ends[0])}-{Shift(ends[1])}/{ends[2]}");
                break;
        }

        await SendHeadAsync(request, response, body.Length, second, cancellation);
        if (request.Method == "HEAD") return true;
        int count = Math.Clamp(fault.AfterBytes, 0, Math.Max(0, body.Length - 1)); // what breaks off is never all of it
        switch (fault.Kind)
        {
            case FaultKind.Stall:
                await stream.WriteAsync(body.AsMemory(0, count), cancellation);
                await WaitForCloseAsync(cancellation);
                return false;
            case FaultKind.Reset:
                await stream.WriteAsync(body.AsMemory(0, count), cancellation);
                Reset(socket);
                return false;
            case FaultKind.Truncate:
                await stream.WriteAsync(body.AsMemory(0, count), cancellation);
                return false;
            case FaultKind.Drip:
                for (int at = 0; at < body.Length; at += fault.AfterBytes)
                {
                    await stream.WriteAsync(body.AsMemory(at, Math.Min(fault.AfterBytes, body.Length - at)), cancellation);
                    await Task.Delay(fault.Delay, cancellation);
                }

                return true;
            default:
                await stream.WriteAsync(body, cancellation);
                return true;
        }
    }

    /// <summary>Ends a connection by RST.</summary>
    public static void Reset(Socket socket)
    {
        socket.LingerState = new LingerOption(true, 0);
        socket.Close();
    }

    private static long Shift(string number) => long.Parse(number, CultureInfo.InvariantCulture) + 1;

    private async Task SendHeadAsync(ProxyRequest request, ProxyResponse response, int length, string second, CancellationToken cancellation)
    {
        StringBuilder head = new($"HTTP/1.1 {response.Status} Status\r\n");
        if (!(request.Method == "HEAD" && response.Headers.ContainsKey("Content-Length")))
        {
            if (response.Status is not (204 or 304)) head.Append(CultureInfo.InvariantCulture, $"Content-Length: {length}\r\n");
        }

        foreach ((string name, string value) in response.Headers) head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        await stream.WriteAsync(Encoding.Latin1.GetBytes(head.Append(second).Append("\r\n").ToString()), cancellation);
    }

    private async Task WaitForCloseAsync(CancellationToken cancellation)
    {
        byte[] one = new byte[1];
        _ = await _input.ReadAtLeastAsync(one, 1, throwOnEndOfStream: false, cancellation);
    }

    private async Task<byte[]> ReadBodyAsync(Dictionary<string, string> headers, CancellationToken cancellation)
    {
        if (headers.TryGetValue("Content-Length", out string? length))
        {
            byte[] body = new byte[int.Parse(length, CultureInfo.InvariantCulture)];
            await _input.ReadExactlyAsync(body, cancellation);
            return body;
        }

        if (!headers.ContainsKey("Transfer-Encoding")) return [];
        using MemoryStream whole = new();
        while (int.Parse((await ReadLineAsync(cancellation))!.Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture) is > 0 and int size)
        {
            byte[] chunk = new byte[size];
            await _input.ReadExactlyAsync(chunk, cancellation);
            whole.Write(chunk);
            await ReadLineAsync(cancellation);
        }

        await ReadLineAsync(cancellation);
        return whole.ToArray();
    }

    private async Task<string?> ReadLineAsync(CancellationToken cancellation)
    {
        StringBuilder line = new();
        byte[] one = new byte[1];
        while (await _input.ReadAsync(one, cancellation) > 0)
        {
            if (one[0] == '\n') return line.ToString().TrimEnd('\r');
            line.Append((char)one[0]);
        }

        return null;
    }
}
