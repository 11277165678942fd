using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Credentials;

/// <summary>For which images a login is, as configurations write it.</summary>
public static class CredentialScope
{
    /// <param name="pattern">A registry with or without scheme, port and path; <c>*</c> stands for a part of its name.</param>
    public static bool Covers(string pattern, ImageReference image) =>
        image.Transport == ImageTransport.Registry && RepositoryPattern.Parse(pattern).Matches(new RepositoryName(image.Host, image.Repository));
}
