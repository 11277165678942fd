using System.Globalization;
using System.IO.Pipelines;
using System.Net.Http.Headers;
using Google.Protobuf;

namespace Sluice.Containerd.Grpc;

/// <summary>
/// One call in progress. One caller may write while another reads. Errors surface in <see cref="ReadAsync"/>: a server that
/// ends the call early makes later writes no-ops, and the next read says why.
/// </summary>
public sealed class GrpcClientStream<TRequest, TResponse> : IAsyncDisposable
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    private readonly Pipe _request = new();
    private readonly CancellationTokenSource _deadline;
    private readonly CancellationTokenSource _ending;
    private readonly CancellationToken _caller;
    private readonly string _peer;
    private readonly int _limit;
    private readonly MessageParser<TResponse> _parser;
    private readonly Task<HttpResponseMessage> _sending;
    private GrpcMessageReader<TResponse>? _reader;
    private PipeReader? _response;

    internal GrpcClientStream(
        HttpClient http, GrpcMethod<TRequest, TResponse> method, GrpcCallOptions options, string peer, int limit, CancellationToken cancellation)
    {
        _peer = peer;
        _limit = limit;
        _parser = method.ResponseParser;
        _caller = cancellation;
        _deadline = new CancellationTokenSource(options.Timeout ?? Timeout.InfiniteTimeSpan);
        _ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _deadline.Token);
        GrpcRequestContent content = new(_request.Reader);
        HttpRequestMessage request = new(HttpMethod.Post, method.Path)
        {
            Content = content,
            Version = http.DefaultRequestVersion,
            VersionPolicy = http.DefaultVersionPolicy,
        };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        if (options.Timeout is { } timeout) request.Headers.Add(GrpcHeaders.Timeout, GrpcHeaders.EncodeTimeout(timeout));
        foreach ((string name, string value) in options.Metadata) request.Headers.TryAddWithoutValidation(name, value);
        _sending = http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, _ending.Token);
        _ = _sending.ContinueWith(static (_, sent) => ((GrpcRequestContent)sent!).Settle(), content, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Sends one message; waits while the server does not read.</summary>
    public async Task WriteAsync(TRequest message)
    {
        GrpcFrame.Write(_request.Writer, message);
        try
        {
            await _request.Writer.FlushAsync(_ending.Token);
        }
        catch (OperationCanceledException exception)
        {
            throw Translate(exception);
        }
    }

    /// <summary>Says that no more messages follow.</summary>
    public ValueTask CompleteAsync() => _request.Writer.CompleteAsync();

    /// <summary>The next message, or null when the server has ended the call with <see cref="GrpcStatusCode.Ok"/>.</summary>
    /// <exception cref="GrpcException">The call ended with another status.</exception>
    /// <exception cref="OperationCanceledException">The caller's own token was cancelled.</exception>
    public async Task<TResponse?> ReadAsync()
    {
        try
        {
            HttpResponseMessage response = await _sending;
            if (_reader is null)
            {
                CheckHttp(response);
                _response = PipeReader.Create(await response.Content.ReadAsStreamAsync(_ending.Token));
                _reader = new GrpcMessageReader<TResponse>(_response, _parser, _limit);
            }

            TResponse? message = await _reader.ReadAsync(_ending.Token);
            if (message is not null) return message;

            // A server that has nothing to say sends the status with the headers ("Trailers-Only").
            CheckStatus(response.TrailingHeaders.Contains(GrpcHeaders.Status) ? response.TrailingHeaders : response.Headers);
            return null;
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            throw Translate(exception);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _request.Writer.CompleteAsync();
        if (_response is not null) await _response.CompleteAsync();
        await _ending.CancelAsync();
        try
        {
            (await _sending).Dispose();
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            // Reported by ReadAsync if anybody asked.
        }

        _ending.Dispose();
        _deadline.Dispose();
    }

    private void CheckHttp(HttpResponseMessage response)
    {
        if (response.IsSuccessStatusCode) return;
        throw new GrpcException(GrpcStatusCode.Unavailable, $"HTTP status {(int)response.StatusCode}, is this a gRPC server?", _peer);
    }

    private void CheckStatus(HttpResponseHeaders headers)
    {
        string? text = headers.TryGetValues(GrpcHeaders.Status, out IEnumerable<string>? values) ? values.First() : null;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int code))
        {
            throw new GrpcException(GrpcStatusCode.Internal, "the call ended without a status", _peer);
        }

        if (code == (int)GrpcStatusCode.Ok) return;
        string message = headers.TryGetValues(GrpcHeaders.Message, out values) ? GrpcHeaders.DecodeMessage(values.First()) : "";
        throw new GrpcException((GrpcStatusCode)code, message, _peer);
    }

    private Exception Translate(Exception exception)
    {
        if (_caller.IsCancellationRequested) return new OperationCanceledException(exception.Message, exception, _caller);
        if (_deadline.IsCancellationRequested) return new GrpcException(GrpcStatusCode.DeadlineExceeded, "no answer in time", _peer, inner: exception);
        Exception cause = exception.InnerException ?? exception;
        return new GrpcException(GrpcStatusCode.Unavailable, cause.Message, _peer, "is it running and is this its socket?", exception);
    }
}
