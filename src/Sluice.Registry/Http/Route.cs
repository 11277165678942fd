using Sluice.Registry.Store;

namespace Sluice.Registry.Http;

/// <summary>What kind of thing a path names.</summary>
internal enum RouteKind
{
    /// <summary><c>/v2/</c></summary>
    Version,

    /// <summary><c>/v2/_catalog</c></summary>
    Catalog,

    /// <summary><c>/v2/NAME/tags/list</c></summary>
    Tags,

    /// <summary><c>/v2/NAME/manifests/TAG-OR-DIGEST</c></summary>
    Manifest,

    /// <summary><c>/v2/NAME/blobs/DIGEST</c></summary>
    Blob,

    /// <summary><c>/v2/NAME/blobs/uploads/</c></summary>
    Uploads,

    /// <summary><c>/v2/NAME/blobs/uploads/ID</c></summary>
    Upload,

    /// <summary><c>/v2/NAME/referrers/DIGEST</c></summary>
    Referrers,
}

/// <summary>A parsed path.</summary>
/// <param name="Name">Repository name; empty if the path has none.</param>
/// <param name="Reference">Tag, digest or upload id, as the client wrote it; empty if the path has none.</param>
internal readonly record struct Route(RouteKind Kind, string Name, string Reference)
{
    private const string Root = "/v2";

    /// <summary>Parses from the end, because names may hold slashes and any of our words.</summary>
    /// <exception cref="RegistryFailure">No such path, or the name is invalid.</exception>
    public static Route Parse(string path)
    {
        if (path is Root or Root + "/") return new Route(RouteKind.Version, "", "");
        if (path is Root + "/_catalog") return new Route(RouteKind.Catalog, "", "");
        if (!path.StartsWith(Root + "/", StringComparison.Ordinal)) throw Unknown(path);
        string[] parts = path[(Root.Length + 1)..].Split('/');
        (RouteKind kind, int used, string reference) = parts switch
        {
            [_, .., "tags", "list"] => (RouteKind.Tags, 2, ""),
            [_, .., "manifests", var what] => (RouteKind.Manifest, 2, what),
            [_, .., "referrers", var what] => (RouteKind.Referrers, 2, what),
            [_, .., "blobs", "uploads"] => (RouteKind.Uploads, 2, ""),
            [_, .., "blobs", "uploads", ""] => (RouteKind.Uploads, 3, ""),
            [_, .., "blobs", "uploads", var what] => (RouteKind.Upload, 3, what),
            [_, .., "blobs", var what] => (RouteKind.Blob, 2, what),
            _ => throw Unknown(path),
        };
        string name = string.Join('/', parts, 0, parts.Length - used);
        return RepositoryName.IsValid(name) ? new Route(kind, name, reference) : throw RegistryFailure.NameInvalid(name);
    }

    private static RegistryFailure Unknown(string path) => RegistryFailure.Unsupported($"'{path}' is not a path of this API", 404);
}
