using Microsoft.AspNetCore.Http;
using Sluice.Formats.Oci;

namespace Sluice.Registry.Http;

/// <summary>Parts of requests that several endpoints read.</summary>
internal static class RequestReading
{
    /// <exception cref="RegistryFailure">Not a digest.</exception>
    public static Digest ParseDigest(string? text) =>
        Digest.TryParse(text, out Digest digest) ? digest : throw RegistryFailure.DigestInvalid($"'{text}' is not a sha256 or sha512 digest");

    /// <summary>A query parameter, or null; the first if it is there several times.</summary>
    public static string? Query(this HttpContext context, string name) => context.Request.Query[name] is [var first, ..] ? first : null;

    /// <summary>True unless the request says that it has no body.</summary>
    public static bool HasBody(this HttpContext context) => context.Request.ContentLength != 0;
}
