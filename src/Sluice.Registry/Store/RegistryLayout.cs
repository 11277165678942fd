using Sluice.Formats.Oci;

namespace Sluice.Registry.Store;

/// <summary>Where everything is in a registry's directory.</summary>
/// <remarks>
/// <code>
/// registry                                                   "sluice registry 1\n"; locked while a process serves it
/// blobs/sha256/ab/ab12…                                      content of blobs and manifests of all repositories; never changes
/// repositories/NAME/_blobs/sha256/ab12…                      empty: the repository has this blob
/// repositories/NAME/_manifests/sha256/ab12…                  the repository has this manifest; its media type, no line end
/// repositories/NAME/_tags/TAG                                the digest that the tag names: "sha256:ab12…", no line end
/// repositories/NAME/_referrers/sha256/SUBJECT/sha256-ab12…   a manifest with this subject; its descriptor as JSON
/// repositories/NAME/_uploads/ID                              an upload's bytes so far; ID is 32 hex digits
/// repositories/NAME/_uploads/ID.new                          a small file that is being written
/// </code>
/// NAME may hold slashes; no part of it begins with an underscore. sha512 stands beside sha256. A file appears under its
/// final name by rename, after its bytes are on disk; content before what links to it. So a crash leaves at most uploads
/// and content that nothing links to.
/// </remarks>
internal sealed class RegistryLayout(string root)
{
    public const string Format = "sluice registry 1\n";
    public const string Blobs = "_blobs";
    public const string Manifests = "_manifests";
    public const string Tags = "_tags";
    public const string Referrers = "_referrers";
    public const string Uploads = "_uploads";
    public const string Unfinished = ".new";

    public string Root { get; } = root;

    public string FormatFile => Path.Combine(Root, "registry");

    public string ContentRoot => Path.Combine(Root, "blobs");

    public string RepositoriesRoot => Path.Combine(Root, "repositories");

    public string Content(Digest digest) => Path.Combine(ContentRoot, digest.Algorithm, digest.Hex[..2], digest.Hex);

    public string Repository(string name) => Path.Combine(RepositoriesRoot, name);

    public string Blob(string name, Digest digest) => Path.Combine(Repository(name), Blobs, digest.Algorithm, digest.Hex);

    public string ManifestDirectory(string name) => Path.Combine(Repository(name), Manifests);

    public string Manifest(string name, Digest digest) => Path.Combine(ManifestDirectory(name), digest.Algorithm, digest.Hex);

    public string TagDirectory(string name) => Path.Combine(Repository(name), Tags);

    public string Tag(string name, string tag) => Path.Combine(TagDirectory(name), tag);

    public string ReferrerDirectory(string name, Digest subject) => Path.Combine(Repository(name), Referrers, subject.Algorithm, subject.Hex);

    public string Referrer(string name, Digest subject, Digest manifest) =>
        Path.Combine(ReferrerDirectory(name, subject), $"{manifest.Algorithm}-{manifest.Hex}");

    public string Upload(string name, string id) => Path.Combine(Repository(name), Uploads, id);
}
