using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Sluice.Registry.Store;

namespace Sluice.Registry.Http;

/// <summary>Answers requests: who asks, what for, and errors in the form that the specification gives them.</summary>
internal sealed class RegistryApplication(RegistryOptions options, RegistryStore store) : IHttpApplication<HttpContext>
{
    private readonly BasicAuthentication? _authentication =
        options.User is null ? null : new BasicAuthentication(options.User, options.Password ?? "");

    private readonly UploadEndpoints _uploads = new(store);
    private readonly ManifestEndpoints _manifests = new(store);
    private readonly ListEndpoints _lists = new(store);

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public async Task ProcessRequestAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        options.Observe?.Invoke(new RegistryRequest(request.Method, $"{request.Path}{request.QueryString}", request.Headers.Range));
        context.Response.Headers["Docker-Distribution-Api-Version"] = "registry/2.0";
        try
        {
            if (_authentication?.IsAllowed(request) == false) throw RegistryFailure.Unauthorized();
            await AnswerAsync(context, Route.Parse(request.Path.Value ?? ""));
        }
        catch (Exception e) when (e is OperationCanceledException or ConnectionResetException or BadHttpRequestException)
        {
            // The client went away or broke the protocol: nobody reads an answer.
            context.Abort();
        }
        catch (Exception e) when (context.Response.HasStarted)
        {
            _ = e;
            context.Abort();
        }
        catch (RegistryFailure failure)
        {
            if (failure.Status == 401) context.Response.Headers.WWWAuthenticate = BasicAuthentication.Challenge;
            await Json.WriteErrorAsync(context, failure.Status, failure.Code, failure.Message);
        }
        catch (Exception e)
        {
            await Json.WriteErrorAsync(context, 500, "UNKNOWN", $"the registry failed: {e.Message}");
        }
    }

    private Task AnswerAsync(HttpContext context, Route route)
    {
        Repository repository = store.Repository(route.Name);
        return (route.Kind, context.Request.Method) switch
        {
            (RouteKind.Version, "GET" or "HEAD") => Json.WriteAsync(context, writer => { }),
            (RouteKind.Catalog, "GET") => _lists.CatalogAsync(context),
            (RouteKind.Tags, "GET") => ListEndpoints.TagsAsync(context, repository),
            (RouteKind.Referrers, "GET") => ListEndpoints.ReferrersAsync(context, repository, route.Reference),
            (RouteKind.Blob, "GET" or "HEAD") => BlobEndpoints.GetAsync(context, repository, route.Reference),
            (RouteKind.Blob, "DELETE") => BlobEndpoints.DeleteAsync(context, repository, route.Reference),
            (RouteKind.Uploads, "POST") => _uploads.BeginAsync(context, repository),
            (RouteKind.Upload, "GET" or "HEAD") => _uploads.StatusAsync(context, repository, route.Reference),
            (RouteKind.Upload, "PATCH") => _uploads.AppendAsync(context, repository, route.Reference),
            (RouteKind.Upload, "PUT") => _uploads.CommitAsync(context, repository, route.Reference),
            (RouteKind.Upload, "DELETE") => _uploads.CancelAsync(context, repository, route.Reference),
            (RouteKind.Manifest, "GET" or "HEAD") => ManifestEndpoints.GetAsync(context, repository, route.Reference),
            (RouteKind.Manifest, "PUT") => _manifests.PutAsync(context, repository, route.Reference),
            (RouteKind.Manifest, "DELETE") => ManifestEndpoints.DeleteAsync(context, repository, route.Reference),
            _ => throw RegistryFailure.Unsupported($"{context.Request.Method} is not supported here"),
        };
    }
}
