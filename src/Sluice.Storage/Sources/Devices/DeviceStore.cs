using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources.Registries;

namespace Sluice.Storage.Sources.Devices;

/// <summary>The one image that an OverlayBD device configuration describes; read-only. Layers are files, or in the registry that it names.</summary>
internal sealed class DeviceStore(string path, SourceOptions options) : IImageStore
{
    private readonly Lock _gate = new();
    private Task<DeviceLayout>? _layout;
    private RegistryStore? _registry;

    public string Name => $"overlaybd:{path}";

    public async Task<StoredManifest> GetManifestAsync(string tagOrDigest, CancellationToken cancellation)
    {
        StoredManifest manifest = (await LayoutAsync().WaitAsync(cancellation)).Manifest;
        return tagOrDigest.Length == 0 || tagOrDigest == manifest.Digest.ToString() ? manifest : throw new SluiceException(SluiceError.NotFound, Name, $"does not describe {tagOrDigest}");
    }

    public async Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        DeviceLayout layout = await LayoutAsync().WaitAsync(cancellation);
        if (layout.Files.TryGetValue(blob, out string? file)) await ReadFileAsync(file, offset, destination, cancellation);
        else await Registry(layout).ReadAsync(blob, offset, destination, cancellation);
    }

    public async Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancellation)
    {
        DeviceLayout layout = await LayoutAsync().WaitAsync(cancellation);
        if (blob.Digest == Digest.Sha256(DeviceLayout.ImageConfiguration.Span)) return new MemoryStream(DeviceLayout.ImageConfiguration.ToArray(), writable: false);
        if (!layout.Files.TryGetValue(blob.Digest, out string? file)) return await Registry(layout).OpenBlobAsync(blob, cancellation);
        try
        {
            return new VerifyingStream(File.OpenRead(file), blob, Name);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(file, exception);
        }
    }

    public async Task<bool> HasBlobAsync(Digest blob, CancellationToken cancellation)
    {
        DeviceLayout layout = await LayoutAsync().WaitAsync(cancellation);
        return layout.Files.ContainsKey(blob) || (layout.RepoBlobUrl.Length > 0 && await Registry(layout).HasBlobAsync(blob, cancellation));
    }

    public Task<IBlobUpload> StartUploadAsync(CancellationToken cancellation) => throw ReadOnly();

    public Task CopyBlobAsync(IImageStore source, Descriptor blob, CancellationToken cancellation) => throw ReadOnly();

    public Task PutManifestAsync(StoredManifest manifest, string? tag, CancellationToken cancellation) => throw ReadOnly();

    public Task<IReadOnlyList<Descriptor>> GetReferrersAsync(Digest subject, string? artifactType, CancellationToken cancellation) => Task.FromResult<IReadOnlyList<Descriptor>>([]);

    public async ValueTask DisposeAsync()
    {
        if (_registry is not null) await _registry.DisposeAsync();
    }

    /// <summary>Read once, however many ask; a failure is final for this store.</summary>
    private Task<DeviceLayout> LayoutAsync()
    {
        lock (_gate) return _layout ??= Task.Run(() => DeviceLayout.ReadAsync(path, CancellationToken.None));
    }

    private RegistryStore Registry(DeviceLayout layout)
    {
        const string prefix = "/v2/", suffix = "/blobs";
        if (!Uri.TryCreate(layout.RepoBlobUrl, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https")
            || !url.AbsolutePath.StartsWith(prefix, StringComparison.Ordinal) || !url.AbsolutePath.EndsWith(suffix, StringComparison.Ordinal) || url.AbsolutePath.Length <= prefix.Length + suffix.Length)
        {
            throw new SluiceException(SluiceError.Image, Name, $"its repoBlobUrl '{layout.RepoBlobUrl}' is not scheme://host/v2/repository/blobs");
        }

        lock (_gate) return _registry ??= new RegistryStore(url.Authority, url.AbsolutePath[prefix.Length..^suffix.Length], options with { PlainHttp = options.PlainHttp || url.Scheme == "http" });
    }

    private async Task ReadFileAsync(string file, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        try
        {
            using SafeFileHandle handle = File.OpenHandle(file, options: FileOptions.Asynchronous);
            while (!destination.IsEmpty)
            {
                int read = await RandomAccess.ReadAsync(handle, destination, offset, cancellation);
                if (read == 0) throw new EndOfStreamException("it ends before the range does");
                destination = destination[read..];
                offset += read;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(file, exception);
        }
    }

    private SluiceException Unreadable(string file, Exception exception) => new(SluiceError.Source, Name, $"{file} can't be read: {exception.Message}", inner: exception);

    private SluiceException ReadOnly() => new(SluiceError.Usage, Name, "images can't be stored in a device configuration", "store it in a registry, a layout or an archive");
}
