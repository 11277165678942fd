using Google.Protobuf.WellKnownTypes;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Protos.Images;
using Sluice.Containerd.Protos.Types;
using Sluice.Formats.Oci;

namespace Sluice.Containerd.Client;

/// <summary>containerd's image store: names of images.</summary>
public sealed class ImageStore
{
    private readonly ContainerdClient _client;

    internal ImageStore(ContainerdClient client) => _client = client;

    /// <summary>Null when there is no image of this name.</summary>
    public async Task<ImageRecord?> FindAsync(string name, CancellationToken cancellation)
    {
        try
        {
            GetImageResponse response = await _client.CallAsync(ContainerdMethods.GetImage, new GetImageRequest { Name = name }, cancellation);
            return ToRecord(response.Image);
        }
        catch (GrpcException exception) when (exception.Status == GrpcStatusCode.NotFound)
        {
            return null;
        }
    }

    public async Task<IReadOnlyList<ImageRecord>> ListAsync(IReadOnlyList<string> filters, CancellationToken cancellation)
    {
        ListImagesResponse response = await _client.CallAsync(ContainerdMethods.ListImages, new ListImagesRequest { Filters = { filters } }, cancellation);
        return [.. response.Images.Select(ToRecord)];
    }

    /// <summary>Creates the image, or points the existing name to the new target and labels.</summary>
    public async Task PutAsync(ImageRecord image, CancellationToken cancellation)
    {
        try
        {
            await _client.CallAsync(ContainerdMethods.CreateImage, new CreateImageRequest { Image = ToMessage(image) }, cancellation);
        }
        catch (GrpcException exception) when (exception.Status == GrpcStatusCode.AlreadyExists)
        {
            UpdateImageRequest update = new() { Image = ToMessage(image), UpdateMask = new FieldMask { Paths = { "target" } } };
            foreach (string label in image.Labels.Keys) update.UpdateMask.Paths.Add("labels." + label);
            await _client.CallAsync(ContainerdMethods.UpdateImage, update, cancellation);
        }
    }

    /// <param name="wait">True: returns when garbage collection has removed what only this image kept.</param>
    public Task DeleteAsync(string name, bool wait, CancellationToken cancellation) =>
        _client.CallAsync(ContainerdMethods.DeleteImage, new DeleteImageRequest { Name = name, Sync = wait }, cancellation);

    private static Image ToMessage(ImageRecord image)
    {
        Image message = new()
        {
            Name = image.Name,
            Target = new ContentDescriptor { MediaType = image.Target.MediaType, Digest = image.Target.Digest.ToString(), Size = image.Target.Size },
        };
        foreach ((string name, string value) in image.Target.Annotations ?? new Dictionary<string, string>(StringComparer.Ordinal)) message.Target.Annotations[name] = value;
        foreach ((string name, string value) in image.Labels) message.Labels[name] = value;
        return message;
    }

    private static ImageRecord ToRecord(Image image)
    {
        Descriptor target = new()
        {
            MediaType = image.Target.MediaType,
            Digest = Digest.Parse(image.Target.Digest),
            Size = image.Target.Size,
            Annotations = image.Target.Annotations.Count == 0 ? null : image.Target.Annotations.ToDictionary(StringComparer.Ordinal),
        };
        return new ImageRecord(image.Name, target, image.Labels.ToDictionary(StringComparer.Ordinal));
    }
}
