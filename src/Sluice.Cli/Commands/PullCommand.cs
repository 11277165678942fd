using System.CommandLine;
using Sluice.Containerd.Client;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;

namespace Sluice.Cli.Commands;

internal static class PullCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("IMAGE") { Description = "An accelerated image in a registry: HOST/REPO:TAG" };
        var address = new Option<string>("--containerd-address") { Description = "containerd's socket", DefaultValueFactory = _ => ContainerdClient.DefaultSocket };
        var containerNamespace = new Option<string>("--namespace", "-n") { Description = "containerd namespace", DefaultValueFactory = _ => "default" };
        var snapshotter = new Option<string>("--snapshotter") { Description = "Name of the Sluice snapshotter in containerd's configuration", DefaultValueFactory = _ => "sluice" };
        Option<string?> platform = ImageOptions.PlatformOption();
        var images = new ImageOptions();
        var command = new Command("pull", "Register an image with containerd without downloading it.") { name, address, containerNamespace, snapshotter, platform };
        images.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ImageReference reference = ImageReference.Parse(parsed.GetValue(name)!);
            if (reference.Transport != ImageTransport.Registry) throw new SluiceException(SluiceError.Usage, parsed.GetValue(name)!, "containerd pulls from registries only", "name it HOST/REPO:TAG");
            await using IImageStore store = ImageStores.Open(reference, images.Read(parsed));
            StoredManifest top = await store.GetManifestAsync(reference.TagOrDigest, cancellation);
            StoredImage image = await ImageResolver.ResolveAsync(
                store, top, ImageOptions.ParsePlatform(parsed.GetValue(platform)) ?? Platform.Host, preferAccelerated: true, cancellation);
            if (image.BootstrapLayer is null) throw new SluiceException(SluiceError.Image, reference.ToString(), "is an ordinary image", "convert it first: sluice convert SRC DST; or pull it with containerd");
            byte[] config = await image.ReadBlobAsync(image.Manifest.Config, OciLimits.Config, cancellation);
            using var client = new ContainerdClient(parsed.GetValue(address)!, parsed.GetValue(containerNamespace)!);
            await new ImagePull(client, TimeProvider.System).RegisterAsync(Describe(reference, top, image, config, parsed.GetValue(snapshotter)!), cancellation);
            Console.Out.WriteLine($"{ContainerdName(reference)}  {image.Stored.Digest}");
            return ExitCodes.Success;
        });
        return command;
    }

    private static ImageToRegister Describe(ImageReference reference, StoredManifest top, StoredImage image, byte[] configContent, string snapshotter)
    {
        ImageConfig config = ImageConfig.Parse(configContent);
        config.CheckLayers(image.Manifest);
        return new ImageToRegister
        {
            Name = ContainerdName(reference),
            Index = top.Digest == image.Stored.Digest ? null : new ImageDocument(top.MediaType, top.Content),
            Manifest = new ImageDocument(image.Stored.MediaType, image.Stored.Content),
            Config = new ImageDocument(image.Manifest.Config.MediaType, configContent),
            Layers = [.. image.Manifest.Layers.Select((layer, i) => new LayerToRegister(
                layer.Digest, config.DiffIds[i], layer.Annotations ?? new Dictionary<string, string>(StringComparer.Ordinal)))],
            Snapshotter = snapshotter,
        };
    }

    private static string ContainerdName(ImageReference reference) =>
        reference.Name + (reference.Tag is { Length: > 0 } tag ? ":" + tag : "") + (reference.Digest is { } digest ? "@" + digest : "");
}
