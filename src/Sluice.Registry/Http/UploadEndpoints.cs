using Microsoft.AspNetCore.Http;
using Sluice.Formats.Oci;
using Sluice.Registry.Store;

namespace Sluice.Registry.Http;

/// <summary>Pushing blobs: at once, in one or many requests, or by mounting from another repository.</summary>
internal sealed class UploadEndpoints(RegistryStore store)
{
    public async Task BeginAsync(HttpContext context, Repository repository)
    {
        if (TryMount(context, repository)) return;
        Digest? digest = context.Query("digest") is { } text ? RequestReading.ParseDigest(text) : null;
        Upload upload = store.Uploads.Create(repository.Name);
        if (digest is null)
        {
            Accepted(context, repository, upload);
            return;
        }

        upload.TryEnter();
        try
        {
            await upload.AppendAsync(context.Request.Body, context.RequestAborted);
        }
        catch
        {
            // Nobody knows its name, so nobody can resume it.
            store.Uploads.Cancel(upload);
            throw;
        }

        Commit(context, repository, upload, digest.Value);
    }

    public Task StatusAsync(HttpContext context, Repository repository, string id)
    {
        Upload upload = store.Uploads.Find(repository.Name, id) ?? throw RegistryFailure.BlobUploadUnknown();
        Describe(context, repository, upload);
        context.Response.StatusCode = 204;
        return Task.CompletedTask;
    }

    public async Task AppendAsync(HttpContext context, Repository repository, string id)
    {
        Upload upload = Enter(repository, id);
        try
        {
            if (!await TryReceiveAsync(context, repository, upload)) return;
            Accepted(context, repository, upload);
        }
        finally
        {
            upload.Leave();
        }
    }

    public async Task CommitAsync(HttpContext context, Repository repository, string id)
    {
        Upload upload = Enter(repository, id);
        try
        {
            Digest digest = RequestReading.ParseDigest(context.Query("digest"));
            if (context.HasBody() && !await TryReceiveAsync(context, repository, upload)) return;
            Commit(context, repository, upload, digest);
        }
        finally
        {
            upload.Leave();
        }
    }

    public Task CancelAsync(HttpContext context, Repository repository, string id)
    {
        store.Uploads.Cancel(Enter(repository, id));
        context.Response.StatusCode = 204;
        return Task.CompletedTask;
    }

    /// <summary>Links a blob that another repository has, so that it need not be pushed.</summary>
    private bool TryMount(HttpContext context, Repository repository)
    {
        if (context.Query("mount") is not { } mount || !Digest.TryParse(mount, out Digest digest)) return false;
        if (context.Query("from") is not { } from || !RepositoryName.IsValid(from) || !store.Repository(from).HasBlob(digest)) return false;
        repository.LinkBlob(digest);
        Created(context, repository, digest);
        return true;
    }

    /// <summary>Appends a chunk.</summary>
    /// <returns>False if it does not follow what is there: the answer is 416 and says where to go on.</returns>
    private static async Task<bool> TryReceiveAsync(HttpContext context, Repository repository, Upload upload)
    {
        HttpRequest request = context.Request;
        if (request.Headers.ContentRange is [{ } header, ..])
        {
            if (ByteRange.ParseContent(header) is not { } range) throw RegistryFailure.BlobUploadInvalid($"'{header}' is not a range of a chunk");
            if (request.ContentLength is { } length && length != range.Length)
                throw RegistryFailure.SizeInvalid($"the chunk has {length} bytes, its range {range.Length}");
            if (range.Offset != upload.Length)
            {
                Describe(context, repository, upload);
                context.Response.StatusCode = 416;
                return false;
            }
        }

        await upload.AppendAsync(request.Body, context.RequestAborted);
        return true;
    }

    private void Commit(HttpContext context, Repository repository, Upload upload, Digest digest)
    {
        if (!upload.Matches(digest))
        {
            store.Uploads.Cancel(upload);
            throw RegistryFailure.DigestInvalid($"the {upload.Length} bytes that were pushed are not {digest}");
        }

        store.Uploads.Commit(upload, repository, digest);
        Created(context, repository, digest);
    }

    private Upload Enter(Repository repository, string id)
    {
        Upload upload = store.Uploads.Find(repository.Name, id) ?? throw RegistryFailure.BlobUploadUnknown();
        return upload.TryEnter() ? upload : throw RegistryFailure.BlobUploadInvalid("another request is using this upload", 409);
    }

    private static void Accepted(HttpContext context, Repository repository, Upload upload)
    {
        Describe(context, repository, upload);
        context.Response.StatusCode = 202;
        context.Response.ContentLength = 0;
    }

    private static void Created(HttpContext context, Repository repository, Digest digest)
    {
        HttpResponse response = context.Response;
        response.StatusCode = 201;
        response.ContentLength = 0;
        response.Headers.Location = $"/v2/{repository.Name}/blobs/{digest}";
        response.Headers["Docker-Content-Digest"] = digest.ToString();
    }

    /// <summary>Where to send the next chunk, and what is there. No bytes at all are "0-0" by custom, which the specification can't express.</summary>
    private static void Describe(HttpContext context, Repository repository, Upload upload)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.Location = $"/v2/{repository.Name}/blobs/uploads/{upload.Id}";
        headers.Range = $"0-{Math.Max(0, upload.Length - 1)}";
        headers["Docker-Upload-Uuid"] = upload.Id;
    }
}
