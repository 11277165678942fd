using System.Collections.Frozen;
using System.Globalization;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Sluice.Containerd.Grpc;

/// <summary>Turns HTTP/2 requests into calls of the registered methods and their outcome into trailers.</summary>
internal sealed partial class GrpcApplication : IHttpApplication<HttpContext>
{
    private readonly FrozenDictionary<string, GrpcService.Handler> _methods;
    private readonly GrpcServerOptions _options;
    private readonly ILogger _logger;
    private readonly CancellationToken _stopping;

    public GrpcApplication(GrpcServerOptions options, IReadOnlyList<GrpcService> services, ILogger logger, CancellationToken stopping)
    {
        _methods = services.SelectMany(service => service.Paths).ToFrozenDictionary(StringComparer.Ordinal);
        _options = options;
        _logger = logger;
        _stopping = stopping;
    }

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public async Task ProcessRequestAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (!HttpMethods.IsPost(request.Method) || request.ContentType?.StartsWith(GrpcHeaders.ContentType, StringComparison.Ordinal) != true)
        {
            context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            return;
        }

        context.Response.ContentType = GrpcHeaders.ContentType;
        GrpcStatus status = await RunAsync(context);
        if (context.RequestAborted.IsCancellationRequested) return;

        // Without a body Kestrel sends trailers only after the headers were started explicitly.
        if (!context.Response.HasStarted) await context.Response.StartAsync(CancellationToken.None);
        context.Response.AppendTrailer(GrpcHeaders.Status, ((int)status.Code).ToString(CultureInfo.InvariantCulture));
        if (status.Message.Length > 0) context.Response.AppendTrailer(GrpcHeaders.Message, GrpcHeaders.EncodeMessage(status.Message));
    }

    private async Task<GrpcStatus> RunAsync(HttpContext context)
    {
        string path = context.Request.Path.Value ?? "";
        if (!_methods.TryGetValue(path, out GrpcService.Handler? handler)) return new(GrpcStatusCode.Unimplemented, $"unknown method {path}");

        TimeSpan? timeout = GrpcHeaders.DecodeTimeout(context.Request.Headers[GrpcHeaders.Timeout]);
        using CancellationTokenSource deadline = new(timeout ?? Timeout.InfiniteTimeSpan, _options.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, deadline.Token, _stopping);
        GrpcCall call = new(path, context.Request.Headers, either.Token);
        try
        {
            await handler(call, context.Request.BodyReader, context.Response.BodyWriter, _options.MaxMessageLength);
            return GrpcStatus.Ok;
        }
        catch (Exception exception)
        {
            return Describe(call, exception, deadline.IsCancellationRequested);
        }
    }

    private GrpcStatus Describe(GrpcCall call, Exception exception, bool deadlinePassed)
    {
        if (call.Cancellation.IsCancellationRequested && exception is OperationCanceledException or IOException)
        {
            if (deadlinePassed) return new(GrpcStatusCode.DeadlineExceeded, "the deadline of the call has passed");
            if (_stopping.IsCancellationRequested) return new(GrpcStatusCode.Unavailable, "the server is stopping");
            return GrpcStatus.FromException(new OperationCanceledException());
        }

        GrpcStatus status = GrpcStatus.FromException(exception);
        if (status.Code is GrpcStatusCode.Internal or GrpcStatusCode.Unknown) Log.HandlerFailed(_logger, call.Path, exception);
        else Log.CallRefused(_logger, call.Path, status.Code, status.Message);
        return status;
    }

    private static partial class Log
    {
        [LoggerMessage(61, LogLevel.Error, "{Path} failed")]
        public static partial void HandlerFailed(ILogger logger, string path, Exception exception);

        [LoggerMessage(62, LogLevel.Debug, "{Path} ends with {Status}: {Message}")]
        public static partial void CallRefused(ILogger logger, string path, GrpcStatusCode status, string message);
    }
}
