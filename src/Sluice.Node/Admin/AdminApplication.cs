using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Sluice.Formats;

namespace Sluice.Node.Admin;

/// <summary>Routes of the admin API, version 1. See docs/admin-api.md.</summary>
/// <param name="stopping">Ends requests that are being answered.</param>
internal sealed partial class AdminApplication(ImageRegistration images, ContainerCommit commit, ILogger logger, CancellationToken stopping) : IHttpApplication<HttpContext>
{
    /// <summary>Bytes of the longest request body.</summary>
    private const int MaxBody = 1 << 16;

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public async Task ProcessRequestAsync(HttpContext context)
    {
        try
        {
            await AnswerAsync(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client went away; whatever it wanted has been given up.
        }
        catch (Exception exception) when (stopping.IsCancellationRequested && exception is not BadHttpRequestException)
        {
            var stopped = new SluiceException(SluiceError.Runtime, "sluice daemon", "is stopping", "ask again when it has been started");
            await WriteAsync(context, HttpStatusCode.ServiceUnavailable, writer => AdminJson.WriteError(writer, stopped));
        }
        catch (SluiceException error)
        {
            await WriteAsync(context, StatusOf(error.Error), writer => AdminJson.WriteError(writer, error));
        }
        catch (Exception exception) when (exception is not BadHttpRequestException)
        {
            Log.Failed(logger, context.Request.Path, exception);
            await WriteAsync(
                context, HttpStatusCode.InternalServerError,
                writer => AdminJson.WriteError(writer, AdminJson.InternalError, "sluice daemon", exception.Message, "the daemon's log has the details"));
        }
    }

    private async Task AnswerAsync(HttpContext context)
    {
        switch (context.Request.Method, context.Request.Path.Value)
        {
            case ("POST", "/v1/pull"):
                using (var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping))
                {
                    PulledImage pulled = await images.PullAsync(await ReadAsync(context, PullRequest.Parse), ended.Token);
                    await WriteAsync(context, HttpStatusCode.OK, pulled.Write);
                }

                break;
            case ("POST", "/v1/commit"):
                using (var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping))
                {
                    CommittedImage committed = await commit.CommitAsync(await ReadAsync(context, CommitRequest.Parse), ended.Token);
                    await WriteAsync(context, HttpStatusCode.OK, committed.Write);
                }

                break;
            default:
                throw new SluiceException(SluiceError.NotFound, $"{context.Request.Method} {context.Request.Path}", "is not part of the admin API", "is the daemon older than this command? see docs/admin-api.md");
        }
    }

    private static async Task<T> ReadAsync<T>(HttpContext context, Func<JsonElement, T> parse)
    {
        if (context.Request.ContentLength is not <= MaxBody) throw AdminJson.Wrong($"the body needs a Content-Length of at most {MaxBody}");
        try
        {
            using JsonDocument document = await JsonDocument.ParseAsync(context.Request.Body, default, context.RequestAborted);
            return parse(document.RootElement);
        }
        catch (JsonException exception)
        {
            throw AdminJson.Wrong($"the body is not JSON: {exception.Message}");
        }
        catch (InvalidOperationException exception)
        {
            // Strings are looked into only when they are taken: half a surrogate pair, bytes that are not UTF-8.
            throw AdminJson.Wrong($"the body has text that is not Unicode: {exception.Message}");
        }
    }

    private static async Task WriteAsync(HttpContext context, HttpStatusCode status, Action<Utf8JsonWriter> write)
    {
        byte[] body = AdminJson.Write(write);
        context.Response.StatusCode = (int)status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    private static HttpStatusCode StatusOf(SluiceError error) => error switch
    {
        SluiceError.Usage or SluiceError.Configuration => HttpStatusCode.BadRequest,
        SluiceError.Image => HttpStatusCode.UnprocessableEntity,
        SluiceError.NotFound => HttpStatusCode.NotFound,
        SluiceError.Source => HttpStatusCode.BadGateway,
        SluiceError.Unauthorized => HttpStatusCode.Forbidden,
        SluiceError.Timeout => HttpStatusCode.GatewayTimeout,
        SluiceError.Disk => HttpStatusCode.InsufficientStorage,
        _ => HttpStatusCode.InternalServerError,
    };

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "{Path} failed")]
        public static partial void Failed(ILogger logger, string path, Exception exception);
    }
}
