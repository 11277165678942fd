using System.Text.RegularExpressions;
using Sluice.Testing;

namespace Sluice.EndToEnd.Faults;

/// <summary>A mirror that misbehaves from the first request on, before a registry that is well; a registry that is away, beside a directory with its blobs.</summary>
[Collection(FaultCollection.Name)]
public sealed class MirrorTests(FaultImage image)
{
    public static TheoryData<MountForm, string> Rows() => new MatrixTheoryData<MountForm, string>([MountForm.RafsFile, MountForm.OverlayBd], ["wrong bytes", "500", "429", "silence", "reset"]);

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task What_a_mirror_spoils_the_registry_delivers(MountForm form, string kind)
    {
        LazyMount.SkipIfImpossible();
        using Places places = new(deadlineSeconds: 12);
        await using FaultProxy registry = new(image.Registry.Address), mirror = new(image.Registry.Address);
        mirror.Always = request => request.Path.Contains("/blobs/", StringComparison.Ordinal) ? Spoil(kind) : null;
        Mirror(places, registry, mirror);
        await using LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(form, registry.Authority));
        await mount.ReadAllRightAsync(image);
        Assert.NotEmpty(mirror.Requests);
        if (kind == "wrong bytes" && form == MountForm.RafsFile) await mount.LoggedAsync($"fetched after a failure: registry {Regex.Escape(mirror.Authority)}: unit");
        Assert.DoesNotContain(mount.Log, line => line.Contains($"registry {registry.Authority}:", StringComparison.Ordinal));
        await mount.UnmountAsync();
    }

    [Theory]
    [InlineData(MountForm.RafsFile)]
    [InlineData(MountForm.OverlayBd)]
    public async Task A_directory_with_the_blobs_serves_while_the_registry_does_not(MountForm form)
    {
        LazyMount.SkipIfImpossible();
        using Places places = new(deadlineSeconds: 12);
        await File.AppendAllTextAsync(places.Config, $$"""
            sources:
            - type: directory
              path: {{image.RegistryDirectory}}/blobs
              object: "{algorithm}/{hex2}/{hex}"
              images: ["127.0.0.1:*/app"]
            """);
        await using FaultProxy registry = new(image.Registry.Address) { Always = request => request.Path.Contains("/blobs/", StringComparison.Ordinal) ? Fault.Answer(500) : null };
        await using LazyMount mount = await LazyMount.StartAsync(places, FaultImage.Arguments(form, registry.Authority));
        await mount.ReadAllRightAsync(image);
        Assert.DoesNotContain(registry.Requests, request => request.Path.Contains("/blobs/", StringComparison.Ordinal));
        await mount.UnmountAsync();
    }

    private static Fault Spoil(string kind) => kind switch
    {
        "wrong bytes" => new Fault(FaultKind.WrongBytes),
        "500" => Fault.Answer(500),
        "429" => Fault.Answer(429, "600"),
        "silence" => new Fault(FaultKind.Silence),
        _ => new Fault(FaultKind.Reset) { AfterBytes = 50 },
    };

    private static void Mirror(Places places, FaultProxy registry, FaultProxy mirror)
    {
        Directory.CreateDirectory(Path.Combine(places.Of("hosts"), registry.Authority));
        File.WriteAllText(Path.Combine(places.Of("hosts"), registry.Authority, "hosts.toml"), $"server = \"{registry.Address}\"\n[host.\"{mirror.Address}\"]\n");
        File.AppendAllText(places.Config, $"registry:\n  hosts_dir: {places.Of("hosts")}\n");
    }
}
