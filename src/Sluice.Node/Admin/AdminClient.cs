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
public sealed partial class AdminClient(string socket)
{
    /// <summary>Bytes of the longest answer, head and body: of lists of many thousand images, and of traces, too.</summary>
    private const int MaxAnswer = 20 << 20;

    /// <summary>What needs no work is answered at once; so is what the daemon begins with. A longer silence is that of a daemon which is stopped, or hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Asks a question.</summary>
    /// <param name="path">With the query: <c>/v1/explain?image=…</c>, escaped.</param>
    /// <param name="parse">Null: the answer is something else.</param>
    /// <exception cref="SluiceException">No daemon listens, or what the daemon says went wrong.</exception>
    /// <exception cref="InvalidOperationException">The daemon met a defect of its own.</exception>
    private async Task<T> GetAsync<T>(string path, Func<JsonElement, T?> parse, CancellationToken cancellation)
        where T : class => Read(await AtOnceAsync(limit => AskAsync($"GET {path} HTTP/1.0\r\nHost: sluice\r\n\r\n", [], limit), cancellation), parse);

    /// <summary>Gives an order, with a JSON body.</summary>
    /// <inheritdoc cref="GetAsync"/>
    private async Task<T> PostAsync<T>(string path, Action<Utf8JsonWriter> write, Func<JsonElement, T?> parse, CancellationToken cancellation)
        where T : class
    {
        byte[] body = AdminJson.Write(write);
        string head = string.Create(CultureInfo.InvariantCulture, $"POST {path} HTTP/1.0\r\nHost: sluice\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n");
        return Read(await AskAsync(head, body, cancellation), parse);
    }

    /// <exception cref="SluiceException">Timeout: it does not answer.</exception>
    private async Task<T> AtOnceAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            return await ask(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new SluiceException(SluiceError.Timeout, socket, $"the daemon does not answer in {Patience.TotalSeconds:0} s", "is it stopped (SIGSTOP)? its log may say more; if it hangs, kill it: the next daemon takes over what it has mounted");
        }
    }

    private async Task<ReadOnlyMemory<byte>> AskAsync(string head, byte[] body, CancellationToken cancellation)
    {
        using Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation);
            await connection.SendAsync((byte[])[.. Encoding.ASCII.GetBytes(head), .. body], cancellation);
            byte[] answer = new byte[1 << 16];
            int length = 0;
            while (await connection.ReceiveAsync(answer.AsMemory(length), cancellation) is > 0 and var received)
            {
                length += received;
                if (length > MaxAnswer) throw Stranger();
                if (length == answer.Length) Array.Resize(ref answer, length * 2);
            }

            return answer.AsMemory(0, length);
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
