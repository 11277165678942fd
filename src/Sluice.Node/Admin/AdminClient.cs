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
    /// <summary>Bytes of the longest answer, head and body.</summary>
    private const int MaxAnswer = 1 << 16;

    /// <summary>Registers an image with containerd; see <see cref="PullRequest"/>.</summary>
    /// <exception cref="SluiceException">No daemon listens, or what the daemon says went wrong.</exception>
    /// <exception cref="InvalidOperationException">The daemon met a defect of its own.</exception>
    public async Task<PulledImage> PullAsync(PullRequest request, CancellationToken cancellation) =>
        Read(await PostAsync("/v1/pull", AdminJson.Write(request.Write), cancellation), PulledImage.Parse);

    /// <summary>Makes an image of a container; see <see cref="CommitRequest"/>.</summary>
    /// <inheritdoc cref="PullAsync"/>
    public async Task<CommittedImage> CommitAsync(CommitRequest request, CancellationToken cancellation) =>
        Read(await PostAsync("/v1/commit", AdminJson.Write(request.Write), cancellation), CommittedImage.Parse);

    private async Task<ReadOnlyMemory<byte>> PostAsync(string path, byte[] body, CancellationToken cancellation)
    {
        using Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation);
            string head = string.Create(CultureInfo.InvariantCulture, $"POST {path} HTTP/1.0\r\nHost: sluice\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n");
            await connection.SendAsync((byte[])[.. Encoding.ASCII.GetBytes(head), .. body], cancellation);
            byte[] answer = new byte[MaxAnswer + 1];
            int length = 0;
            while (length < answer.Length && await connection.ReceiveAsync(answer.AsMemory(length), cancellation) is > 0 and var received) length += received;
            return length <= MaxAnswer ? answer.AsMemory(0, length) : throw Stranger();
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException)
        {
            // For a file that does not exist .NET has the words of a network address.
            bool missing = exception is not SocketException { SocketErrorCode: SocketError.AccessDenied } && !File.Exists(socket);
            throw new SluiceException(
                SluiceError.Runtime, socket, $"the daemon can't be asked: {(missing ? "there is no such socket" : exception.Message)}",
                "is `sluice daemon` running, as the same user, with this --admin-address?", exception);
        }
    }

    private T Read<T>(ReadOnlyMemory<byte> answer, Func<JsonElement, T?> parse)
        where T : class
    {
        if (answer.IsEmpty) throw new SluiceException(SluiceError.Runtime, socket, "the daemon ended without an answer", "its log says why");
        Exception? error = null;
        T? result = null;
        try
        {
            int end = answer.Span.IndexOf("\r\n\r\n"u8);
            if (end < 0) throw Stranger();
            using JsonDocument document = JsonDocument.Parse(answer[(end + 4)..]);
            error = AdminJson.ReadError(document.RootElement);
            result = parse(document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Not what the daemon says, unless it died in the middle of its answer.
        }

        if (error is not null) throw error;
        return result ?? throw Stranger();
    }

    private SluiceException Stranger() =>
        new(SluiceError.Runtime, socket, "is not a Sluice admin socket", "name the daemon's admin_address with --admin-address; if this is it, the daemon's log says why");
}
