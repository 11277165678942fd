using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Sluice.Formats;

namespace Sluice.Node.Admin;

/// <summary>Answers the requests of the admin API, version 1, by the routes of its subjects. See docs/admin-api.md.</summary>
/// <param name="stopping">Ends requests that are being answered.</param>
internal sealed partial class AdminApplication(IEnumerable<IAdminRoutes> subjects, ILogger logger, CancellationToken stopping) : IHttpApplication<HttpContext>
{
    private readonly Dictionary<(string Method, string Path), AdminRoute> _routes = subjects.SelectMany(subject => subject.Routes).ToDictionary(route => (route.Method, route.Path));

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
        (string method, string path) = (context.Request.Method, context.Request.Path.Value ?? "");
        if (!_routes.TryGetValue((method, path), out AdminRoute? route))
            throw new SluiceException(SluiceError.NotFound, $"{method} {path}", "is not part of the admin API", "is the daemon older than this command? see docs/admin-api.md");
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        await WriteAsync(context, HttpStatusCode.OK, await route.AnswerAsync(new AdminCall(context, ended.Token)));
    }

    private static Task WriteAsync(HttpContext context, HttpStatusCode status, Action<Utf8JsonWriter> write) => WriteAsync(context, status, AdminAnswer.Json(write));

    private static async Task WriteAsync(HttpContext context, HttpStatusCode status, AdminAnswer answer)
    {
        context.Response.StatusCode = (int)status;
        context.Response.ContentType = answer.ContentType;
        context.Response.ContentLength = answer.Body.Length;
        await context.Response.Body.WriteAsync(answer.Body, context.RequestAborted);
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
        [LoggerMessage(60, LogLevel.Error, "{Path} failed")]
        public static partial void Failed(ILogger logger, string path, Exception exception);
    }
}
