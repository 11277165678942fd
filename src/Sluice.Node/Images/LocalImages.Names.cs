using Sluice.Formats.Oci;

namespace Sluice.Node.Images;

/// <content>What a name meant the last time, for mounts while its registry is away: a file in the image's directory that holds the name, and goes with it.</content>
internal sealed partial class LocalImages
{
    /// <summary>The name means this image from now on, and none of the others. Not being able to remember it is no failure.</summary>
    public void Remember(string name, Digest manifest)
    {
        try
        {
            foreach (Digest other in List().Where(other => other != manifest)) File.Delete(NamePath(name, other));
            File.WriteAllText(NamePath(name, manifest), name);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Only a mount without registry will miss it.
        }
    }

    /// <summary>The image that the name meant the last time; null if that is not known, not here or damaged.</summary>
    public LocalImage? Recall(string name) => List().Where(manifest => IsNamed(name, manifest)).Select(Load).FirstOrDefault(image => image is not null);

    /// <summary>True if it is known what the name meant the last time.</summary>
    public bool Remembers(string name) => List().Any(manifest => IsNamed(name, manifest));

    /// <summary>True if the image was mounted here before, by whichever process: something of it may be cached.</summary>
    public bool WasUsed(Digest manifest) => File.Exists(UsedPath(manifest));

    /// <summary>Not being able to remember it is no failure.</summary>
    public void RememberUse(Digest manifest)
    {
        try
        {
            if (!WasUsed(manifest)) File.WriteAllBytes(UsedPath(manifest), []);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The registry is asked once more than needed.
        }
    }

    private string UsedPath(Digest manifest) => Path.Combine(directory, manifest.Hex, "used");

    private bool IsNamed(string name, Digest manifest)
    {
        try
        {
            string path = NamePath(name, manifest);
            return File.Exists(path) && File.ReadAllText(path) == name;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private string NamePath(string name, Digest manifest) => Path.Combine(directory, manifest.Hex, $"name-{Digest.Sha256(System.Text.Encoding.UTF8.GetBytes(name)).Hex[..16]}");
}
