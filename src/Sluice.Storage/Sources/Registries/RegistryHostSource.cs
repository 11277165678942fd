using Sluice.Formats.Oci;
using Sluice.Storage.Sources.Places;

namespace Sluice.Storage.Sources.Registries;

/// <summary>
/// A repository as one host has it. A lone host is tried again after failures that may pass; where there are others the reader asks these
/// instead. A pause that the host asks for is the reader's business: it keeps others from asking, too.
/// </summary>
/// <param name="isLone">There is no other host.</param>
internal sealed class RegistryHostSource(RegistryStore store, HostChoice host, SourceOptions options, bool isLone) : IBlobSource
{
    private readonly SourceOptions _options = isLone ? options : options with { Attempts = 1 };

    public string Name => host.Host.Name;

    public SourcePlace Place => host.Host.Place;

    public async Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        using BlobDownload download = new(store, _options, blob, offset, offset + destination.Length, isWhole: false, host);
        while (!destination.IsEmpty)
        {
            int read = await download.ReadAsync(destination, cancellation).ConfigureAwait(false);
            destination = destination[read..];
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
