using Microsoft.AspNetCore.Http;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats.Oci;
using Sluice.Registry.Store;

namespace Sluice.Registry.Http;

/// <summary>GET, HEAD and DELETE of blobs.</summary>
internal static class BlobEndpoints
{
    public static async Task GetAsync(HttpContext context, Repository repository, string reference)
    {
        Digest digest = RequestReading.ParseDigest(reference);
        using SafeFileHandle file = repository.OpenBlob(digest) ?? throw RegistryFailure.BlobUnknown(reference);
        long size = RandomAccess.GetLength(file);
        HttpResponse response = context.Response;
        string tag = $"\"{digest}\"";
        response.Headers["Docker-Content-Digest"] = digest.ToString();
        response.Headers.AcceptRanges = "bytes";
        response.Headers.ETag = tag;
        response.ContentType = "application/octet-stream";

        ByteRange whole = new(0, size);
        ByteRange? asked = IsCurrent(context.Request, tag) ? ByteRange.Parse(context.Request.Headers.Range, size) : null;
        ByteRange range = asked ?? whole;
        if (asked is not null)
        {
            bool isEmpty = range.Length == 0;
            response.StatusCode = isEmpty ? 416 : 206;
            response.Headers.ContentRange = isEmpty ? $"bytes */{size}" : $"bytes {range.Offset}-{range.Offset + range.Length - 1}/{size}";
        }

        response.ContentLength = range.Length;
        if (HttpMethods.IsHead(context.Request.Method) || range.Length == 0) return;
        await BlobContent.SendAsync(response, file, range, context.RequestAborted);
    }

    public static Task DeleteAsync(HttpContext context, Repository repository, string reference)
    {
        Digest digest = RequestReading.ParseDigest(reference);
        if (!repository.HasBlob(digest) || !repository.DeleteBlob(digest)) throw RegistryFailure.BlobUnknown(reference);
        context.Response.StatusCode = 202;
        context.Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    /// <summary>A range is only for the content that the client knows, if it names one.</summary>
    private static bool IsCurrent(HttpRequest request, string tag) =>
        request.Headers.IfRange.Count == 0 || request.Headers.IfRange == tag;
}
