using Microsoft.AspNetCore.Http;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Registry.Store;

namespace Sluice.Registry.Http;

/// <summary>GET, HEAD, PUT and DELETE of manifests and tags.</summary>
internal sealed class ManifestEndpoints(RegistryStore store)
{
    /// <summary>Largest manifest in bytes: what the specification asks registries to take at least.</summary>
    private const int MaxSize = 4 << 20;

    /// <summary>Longest media type: two names of 127 characters (RFC 6838, section 4.2).</summary>
    private const int MaxMediaType = 255;

    public static async Task GetAsync(HttpContext context, Repository repository, string reference)
    {
        Digest digest = Resolve(repository, reference);
        if (repository.ReadManifest(digest) is not { } manifest) throw RegistryFailure.ManifestUnknown(reference);
        HttpResponse response = context.Response;
        response.ContentType = manifest.MediaType;
        response.ContentLength = manifest.Content.Length;
        response.Headers["Docker-Content-Digest"] = digest.ToString();
        response.Headers.ETag = $"\"{digest}\"";
        if (!HttpMethods.IsHead(context.Request.Method)) await response.Body.WriteAsync(manifest.Content, context.RequestAborted);
    }

    public async Task PutAsync(HttpContext context, Repository repository, string reference)
    {
        byte[] content = await ReadAsync(context);
        string? tag = null;
        Digest digest;
        if (reference.Contains(':', StringComparison.Ordinal))
        {
            digest = RequestReading.ParseDigest(reference);
            using var hash = digest.NewHash();
            hash.AppendData(content);
            if (!digest.Matches(hash.GetHashAndReset())) throw RegistryFailure.DigestInvalid($"the manifest is not {digest}");
        }
        else
        {
            tag = RepositoryName.IsTag(reference) ? reference : throw RegistryFailure.ManifestInvalid($"'{reference}' is neither a tag nor a digest");
            digest = Digest.Sha256(content);
        }

        ManifestFacts facts = Parse(content, context.Request.ContentType);
        CheckReferences(repository, facts);
        repository.PutManifest(digest, tag, content, facts);

        HttpResponse response = context.Response;
        response.StatusCode = 201;
        response.ContentLength = 0;
        response.Headers.Location = $"/v2/{repository.Name}/manifests/{digest}";
        response.Headers["Docker-Content-Digest"] = digest.ToString();
        if (facts.Subject is { } subject) response.Headers["OCI-Subject"] = subject.ToString();
    }

    public static Task DeleteAsync(HttpContext context, Repository repository, string reference)
    {
        bool deleted = reference.Contains(':', StringComparison.Ordinal)
            ? repository.DeleteManifest(RequestReading.ParseDigest(reference))
            : RepositoryName.IsTag(reference) && repository.DeleteTag(reference);
        if (!deleted) throw Missing(repository, reference);
        context.Response.StatusCode = 202;
        context.Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    private static Digest Resolve(Repository repository, string reference)
    {
        if (reference.Contains(':', StringComparison.Ordinal)) return RequestReading.ParseDigest(reference);
        return (RepositoryName.IsTag(reference) ? repository.ResolveTag(reference) : null) ?? throw Missing(repository, reference);
    }

    private static RegistryFailure Missing(Repository repository, string reference) =>
        repository.Exists ? RegistryFailure.ManifestUnknown(reference) : RegistryFailure.NameUnknown(repository.Name);

    private static async Task<byte[]> ReadAsync(HttpContext context)
    {
        if (context.Request.ContentLength > MaxSize) throw RegistryFailure.ManifestTooLarge(MaxSize);
        using MemoryStream content = new();
        byte[] buffer = new byte[16 << 10];
        while (await context.Request.Body.ReadAsync(buffer, context.RequestAborted) is > 0 and int count)
        {
            if (content.Length + count > MaxSize) throw RegistryFailure.ManifestTooLarge(MaxSize);
            content.Write(buffer, 0, count);
        }

        return content.ToArray();
    }

    private static ManifestFacts Parse(byte[] content, string? contentType)
    {
        string? declared = contentType?.Split(';')[0].Trim();
        if (string.IsNullOrEmpty(declared)) declared = null;
        try
        {
            ManifestFacts facts = ManifestFacts.Parse(content, declared);
            return facts.MediaType.All(c => c is > ' ' and < '\x7F') && facts.MediaType.Length <= MaxMediaType
                ? facts
                : throw RegistryFailure.ManifestInvalid("its media type is not one");
        }
        catch (InvalidFormatException e)
        {
            throw RegistryFailure.ManifestInvalid(e.Message);
        }
    }

    /// <summary>What a manifest refers to must be there first, so that who finds it can pull it.</summary>
    private void CheckReferences(Repository repository, ManifestFacts facts)
    {
        foreach ((Digest digest, long size) in facts.Blobs)
        {
            if (!repository.HasBlob(digest)) throw RegistryFailure.ManifestBlobUnknown($"the manifest refers to blob {digest}, which the repository does not have");
            CheckSize(digest, size);
        }

        // Build caches are indexes whose entries are plain blobs.
        foreach ((Digest digest, long size) in facts.Manifests)
        {
            if (!repository.HasManifest(digest) && !repository.HasBlob(digest))
                throw RegistryFailure.ManifestBlobUnknown($"the index refers to manifest {digest}, which the repository does not have");
            CheckSize(digest, size);
        }
    }

    private void CheckSize(Digest digest, long size)
    {
        long actual = store.ContentLength(digest);
        if (actual != size) throw RegistryFailure.ManifestInvalid($"the manifest says that {digest} has {size} bytes, but it has {actual}");
    }
}
