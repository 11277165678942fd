using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Images;

/// <summary>A block layer of which only the end of its blob is here, with what it says about the rest.</summary>
/// <param name="Tail">The blob's last bytes: indexes, and in layers that Sluice made also metadata of the file system.</param>
public sealed record RemoteBlockLayer(Descriptor Descriptor, BlockLayer Layer, ReadOnlyMemory<byte> Tail) : IDisposable
{
    /// <summary>Bytes of indexes that are fetched at most: a jump table for 100 GiB in blocks of 4 KiB.</summary>
    private const int MaxTail = 160 << 20;

    /// <summary>A damaged end is asked for again, elsewhere where there is an elsewhere: bytes may get damaged on the way.</summary>
    private const int Attempts = 3;

    /// <summary>Where <see cref="Tail"/> begins in the blob.</summary>
    public long TailOffset => Descriptor.Size - Tail.Length;

    /// <summary>True if every block has a checksum. Layers without have nothing but the blob's digest.</summary>
    public bool IsChecked => Layer.ZFile is { Codec.HasChecksums: true };

    /// <summary>Fetches the end of a blob: one ranged read for most layers, two for large ones.</summary>
    /// <exception cref="SluiceException">Not a block layer, damaged, or not to be had.</exception>
    public static async Task<RemoteBlockLayer> OpenAsync(IBlobSource source, Descriptor descriptor, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await OpenOnceAsync(source, descriptor, cancellation);
            }
            catch (InvalidFormatException exception) when (attempt == Attempts)
            {
                throw new SluiceException(SluiceError.Image, source.Name, $"layer {descriptor.Digest}: {exception.Message}", "push the image again", exception);
            }
            catch (InvalidFormatException)
            {
                source.Reject(descriptor.Digest);
            }
        }
    }

    public void Dispose() => Layer.Dispose();

    private static async Task<RemoteBlockLayer> OpenOnceAsync(IBlobSource source, Descriptor descriptor, CancellationToken cancellation)
    {
        byte[] tail = [];
        long from = Math.Max(0, descriptor.Size - BlockLayerTail.FirstRead);
        while (true)
        {
            long missing = descriptor.Size - tail.Length - from;
            if (missing <= 0 || missing + tail.Length > MaxTail) throw new InvalidFormatException("block layer", $"its index would begin at byte {from} of {descriptor.Size}");
            byte[] longer = GC.AllocateUninitializedArray<byte>((int)missing + tail.Length);
            await source.ReadAsync(descriptor.Digest, from, longer.AsMemory(0, (int)missing), cancellation);
            tail.CopyTo(longer, missing);
            tail = longer;
            if (BlockLayerTail.TryRead(tail, descriptor.Size, out from) is { } layer) return new RemoteBlockLayer(descriptor, layer, tail);
        }
    }
}
