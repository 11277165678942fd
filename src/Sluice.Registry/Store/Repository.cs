using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats.Oci;

namespace Sluice.Registry.Store;

/// <summary>
/// One repository: which of the shared content it has, its tags and its referrers. A repository sees only what was
/// pushed to it or mounted into it.
/// </summary>
internal sealed class Repository(RegistryStore store, string name)
{
    private readonly RegistryLayout _layout = store.Layout;

    public string Name => name;

    /// <summary>A manifest was pushed to it once.</summary>
    public bool Exists => Directory.Exists(_layout.ManifestDirectory(name));

    public bool HasBlob(Digest digest) => File.Exists(_layout.Blob(name, digest)) && store.ContentLength(digest) >= 0;

    public bool HasManifest(Digest digest) => File.Exists(_layout.Manifest(name, digest)) && store.ContentLength(digest) >= 0;

    public SafeFileHandle? OpenBlob(Digest digest) => File.Exists(_layout.Blob(name, digest)) ? store.OpenContent(digest) : null;

    /// <summary>Links content that the store has.</summary>
    public void LinkBlob(Digest digest) => store.Storage.Touch(_layout.Blob(name, digest));

    public bool DeleteBlob(Digest digest) => store.Storage.Delete(_layout.Blob(name, digest));

    /// <summary>The digest that a tag names; null if there is no such tag.</summary>
    public Digest? ResolveTag(string tag) =>
        ReadSmall(_layout.Tag(name, tag)) is { } text && Digest.TryParse(Encoding.ASCII.GetString(text), out Digest digest) ? digest : null;

    /// <summary>A manifest's bytes and media type; null if the repository does not have it.</summary>
    public (byte[] Content, string MediaType)? ReadManifest(Digest digest) =>
        ReadSmall(_layout.Manifest(name, digest)) is { } mediaType && ReadSmall(_layout.Content(digest)) is { } content
            ? (content, Encoding.ASCII.GetString(mediaType))
            : null;

    /// <summary>Stores a manifest whose digest and references were checked, then its tag.</summary>
    public void PutManifest(Digest digest, string? tag, ReadOnlySpan<byte> content, ManifestFacts facts)
    {
        if (store.ContentLength(digest) != content.Length) store.Storage.Write(_layout.Content(digest), Unfinished(), content);
        WriteText(_layout.Manifest(name, digest), facts.MediaType);
        if (facts.Subject is { } subject)
            store.Storage.Write(_layout.Referrer(name, subject, digest), Unfinished(), facts.WriteDescriptor(digest, content.Length));
        if (tag is not null) WriteText(_layout.Tag(name, tag), digest.ToString());
    }

    public bool DeleteTag(string tag) => store.Storage.Delete(_layout.Tag(name, tag));

    /// <summary>Removes a manifest with the tags that name it.</summary>
    public bool DeleteManifest(Digest digest)
    {
        if (ReadManifest(digest) is not { } manifest) return false;
        foreach (string tag in Tags())
        {
            if (ResolveTag(tag) == digest) DeleteTag(tag);
        }

        if (ManifestFacts.Parse(manifest.Content, manifest.MediaType).Subject is { } subject)
            store.Storage.Delete(_layout.Referrer(name, subject, digest));
        return store.Storage.Delete(_layout.Manifest(name, digest));
    }

    /// <summary>All tags in ordinal order.</summary>
    public List<string> Tags() => Names(_layout.TagDirectory(name));

    /// <summary>Descriptors (JSON) of the manifests that have this subject, in the order of their digests.</summary>
    public IEnumerable<byte[]> Referrers(Digest subject)
    {
        string directory = _layout.ReferrerDirectory(name, subject);
        return Names(directory).Select(file => ReadSmall(Path.Combine(directory, file))).OfType<byte[]>();
    }

    private static List<string> Names(string directory)
    {
        if (!Directory.Exists(directory)) return [];
        List<string> names = [.. Directory.EnumerateFiles(directory).Select(path => Path.GetFileName(path))];
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    private static byte[]? ReadSmall(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllBytes(path) : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private void WriteText(string path, string text) => store.Storage.Write(path, Unfinished(), Encoding.ASCII.GetBytes(text));

    private string Unfinished() => _layout.Upload(name, RandomNumberGenerator.GetHexString(32, lowercase: true) + RegistryLayout.Unfinished);
}
