using Sluice.Formats.Oci;

namespace Sluice.Formats.Tests.Oci;

public sealed class ImageReferenceTests
{
    private const string Hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Theory]
    [InlineData("alpine", "docker://docker.io/library/alpine:latest", "docker.io", "library/alpine", "latest")]
    [InlineData("docker://alpine:3.19", "docker://docker.io/library/alpine:3.19", "docker.io", "library/alpine", "3.19")]
    [InlineData("index.docker.io/user/app", "docker://docker.io/user/app:latest", "docker.io", "user/app", "latest")]
    [InlineData("localhost/app", "docker://localhost/app:latest", "localhost", "app", "latest")]
    [InlineData("localhost:5000/a/b/c:v1", "docker://localhost:5000/a/b/c:v1", "localhost:5000", "a/b/c", "v1")]
    [InlineData("[::1]:5000/a", "docker://[::1]:5000/a:latest", "[::1]:5000", "a", "latest")]
    [InlineData("ghcr.io/x/y-z__q.r@sha256:" + Hex, "docker://ghcr.io/x/y-z__q.r@sha256:" + Hex, "ghcr.io", "x/y-z__q.r", null)]
    [InlineData("ghcr.io/x:t@sha256:" + Hex, "docker://ghcr.io/x:t@sha256:" + Hex, "ghcr.io", "x", "t")]
    public void Registry_names(string text, string complete, string host, string repository, string? tag)
    {
        ImageReference reference = ImageReference.Parse(text);
        Assert.Equal(ImageTransport.Registry, reference.Transport);
        Assert.Equal(complete, reference.ToString());
        Assert.Equal((host, repository, tag), (reference.Host, reference.Repository, reference.Tag));
        Assert.Equal(reference, ImageReference.Parse(complete));
    }

    [Theory]
    [InlineData("oci:dir", ImageTransport.Layout, "dir", "")]
    [InlineData("oci:/a/b:v1", ImageTransport.Layout, "/a/b", "v1")]
    [InlineData("oci:/a/b:docker.io/library/x:v1", ImageTransport.Layout, "/a/b", "docker.io/library/x:v1")]
    [InlineData("oci-archive:x.tar:v1", ImageTransport.Archive, "x.tar", "v1")]
    [InlineData("overlaybd:/a/config.v1.json", ImageTransport.Device, "/a/config.v1.json", "")]
    [InlineData("overlaybd:a:b", ImageTransport.Device, "a:b", "")]
    [InlineData("oci-archive:x.tar@sha256:" + Hex, ImageTransport.Archive, "x.tar", null)]
    public void Paths(string text, ImageTransport transport, string path, string? tag)
    {
        ImageReference reference = ImageReference.Parse(text);
        Assert.Equal((transport, path, tag), (reference.Transport, reference.Path, reference.Tag));
        Assert.Equal(text, reference.ToString());
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("docker://", "no repository")]
    [InlineData("https://example.com/x", "is a URL")]
    [InlineData("docker-archive:x.tar", "does not speak")]
    [InlineData("oci:", "no directory")]
    [InlineData("overlaybd:", "no file")]
    [InlineData("oci-archive::x", "no file")]
    [InlineData("oci:x:", "empty tag")]
    [InlineData("localhost:5000/", "no repository")]
    [InlineData("localhost:5000/Upper", "lower-case")]
    [InlineData("x:", "empty tag")]
    [InlineData("x:a b", "bad tag")]
    [InlineData("x@sha256:123", "bad digest")]
    [InlineData("exa mple.com/x", "bad registry host")]
    [InlineData("example.com/../x", "bad repository")]
    [InlineData("example.com/a//b", "bad repository")]
    [InlineData("x\n", "bad repository")]
    public void Errors_say_what_is_wrong_and_what_is_right(string text, string message)
    {
        SluiceException error = Assert.Throws<SluiceException>(() => ImageReference.Parse(text));
        Assert.Equal(SluiceError.Usage, error.Error);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("oci-archive:FILE", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_text_parses_or_fails_quickly()
    {
        Random random = new(9);
        const string Alphabet = "ab.:/@-_[]A0 sha256";
        for (int i = 0; i < 5000; i++)
        {
            string text = new([.. Enumerable.Range(0, random.Next(400)).Select(_ => Alphabet[random.Next(Alphabet.Length)])]);
            try
            {
                ImageReference reference = ImageReference.Parse(text);
                Assert.Equal(reference, ImageReference.Parse(reference.ToString()));
            }
            catch (SluiceException)
            {
                // Refused.
            }
        }
    }
}
