using System.Buffers;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Sluice.Formats;

namespace Sluice.Node.Admin;

/// <summary>
/// Asks a running daemon. Speaks HTTP/1.0 over the socket itself, one request a connection: a command line that only passes a request on should
/// not spend most of its time on starting an HTTP client (measured: 100 ms of 250).
/// </summary>
/// <param name="socket">Path of the daemon's admin socket.</param>
public sealed class AdminClient(string socket)
{
    public const string DefaultSocket = "/run/sluice/admin.sock";

    /// <summary>Registers an image with containerd; see <see cref="PullRequest"/>.</summary>
    /// <exception cref="SluiceException">No daemon listens, or what the daemon says went wrong.</exception>
    public async Task<PulledImage> PullAsync(PullRequest request, CancellationToken cancellation)
    {
        using JsonDocument answer = await PostAsync("/v1/pull", AdminJson.Write(request.Write), cancellation);
        return PulledImage.Parse(answer.RootElement);
    }

    private async Task<JsonDocument> PostAsync(string path, byte[] body, CancellationToken cancellation)
    {
        using Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation);
            string head = string.Create(CultureInfo.InvariantCulture, $"POST {path} HTTP/1.0\r\nHost: sluice\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n");
            await connection.SendAsync((byte[])[.. Encoding.ASCII.GetBytes(head), .. body], cancellation);
            ArrayBufferWriter<byte> answer = new(4096);
            while (await connection.ReceiveAsync(answer.GetMemory(4096), cancellation) is > 0 and var received) answer.Advance(received);
            return Parse(answer.WrittenMemory);
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException)
        {
            throw new SluiceException(
                SluiceError.Runtime, socket, $"the daemon can't be asked: {exception.Message}",
                "is `sluice daemon` running, as the same user, with this --admin-address?", exception);
        }
    }

    private JsonDocument Parse(ReadOnlyMemory<byte> answer)
    {
        int end = answer.Span.IndexOf("\r\n\r\n"u8);
        JsonDocument? document = null;
        try
        {
            if (end > 0) document = JsonDocument.Parse(answer[(end + 4)..]);
        }
        catch (JsonException)
        {
            // Cut off: the daemon died in the middle of its answer.
        }

        if (document is null) throw new SluiceException(SluiceError.Runtime, socket, "the daemon ended without an answer", "its log says why");
        return AdminJson.ReadError(document.RootElement) is { } error ? throw error : document;
    }
}
