using System.Diagnostics;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Sources;

/// <summary>skopeo and Sluice read what the other wrote, with equal digests.</summary>
public sealed class SkopeoTests(RegistryFixture fixture) : IClassFixture<RegistryFixture>, IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly SampleImage _image = new(21);

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("oci:{0}/a:v1", "oci:{0}/b:v1")]
    [InlineData("oci:{0}/a:v1", "oci-archive:{0}/b.tar:v1")]
    [InlineData("oci-archive:{0}/a.tar:v1", "oci:{0}/b:v1")]
    [InlineData("oci-archive:{0}/a.tar:v1", "docker://{1}/b:v1")]
    [InlineData("docker://{1}/a:v1", "oci:{0}/b:v1")]
    [InlineData("oci:{0}/a:v1", "docker://{1}/c:v1")]
    [InlineData("oci:{0}/a", "oci:{0}/b")]
    public async Task Copies(string from, string to)
    {
        if (!DockerRegistry.IsInstalled("skopeo")) Assert.Skip("skopeo is not installed");
        string source = Complete(from), target = Complete(to);
        ImageReference written = ImageReference.Parse(source), copied = ImageReference.Parse(target);
        await using (IImageStore store = Open(written)) await _image.PutAsync(store, written.Tag);
        await SkopeoAsync("copy", "--insecure-policy", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false", source, target);
        await using IImageStore copy = Open(copied);
        await _image.CheckAsync(copy, copied.TagOrDigest);
    }

    private static async Task SkopeoAsync(params string[] arguments)
    {
        using Process skopeo = Process.Start(new ProcessStartInfo("skopeo", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        Task<string> output = skopeo.StandardOutput.ReadToEndAsync();
        string errors = await skopeo.StandardError.ReadToEndAsync();
        await output;
        await skopeo.WaitForExitAsync();
        Assert.True(skopeo.ExitCode == 0, errors);
    }

    private static IImageStore Open(ImageReference reference) =>
        ImageStores.Open(reference, StubRegistry.Quick);

    private string Complete(string form) =>
        string.Format(System.Globalization.CultureInfo.InvariantCulture, form, _directory.Path, form.Contains("{1}", StringComparison.Ordinal) ? fixture.Require().Authority : "");
}
