using Sluice.Build.Convert;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Formats.Tar;

namespace Sluice.Build.Layers;

/// <summary>Goes through the entries of a layer.</summary>
internal static class LayerEntries
{
    /// <summary>Calls <paramref name="visit"/> for every entry, in order; the reader stands at the entry's content.</summary>
    /// <param name="blob">The layer as it is stored; read to its last byte, because only then its digest has been checked. Closed.</param>
    /// <exception cref="SluiceException">Corrupt layer (the message names its digest), or the source failed.</exception>
    /// <param name="diffId">What the tar's digest must be, by the image's configuration; only a SHA-256 is checked.</param>
    public static void Read(Stream blob, Descriptor layer, Action<TarReader, TarEntry> visit, CancellationToken cancellation, Digest? diffId = null)
    {
        try
        {
            using Stream plain = LayerStream.Open(blob, layer);
            using DiffIdStream? hashed = diffId is { Algorithm: "sha256" } ? new DiffIdStream(plain) : null;
            Stream stream = hashed ?? plain;
            using var tar = new TarReader(stream, leaveOpen: true);
            while (tar.ReadEntry() is { } entry)
            {
                cancellation.ThrowIfCancellationRequested();
                visit(tar, entry);
            }

            Drain(stream, cancellation);
            Drain(blob, cancellation);
            hashed?.Check(diffId!.Value, layer);
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidFormatException("layer", $"{layer.Digest} can't be decompressed: {exception.Message}", inner: exception);
        }
        catch (InvalidFormatException exception) when (exception.Format != "layer")
        {
            throw new InvalidFormatException("layer", $"{layer.Digest}: {exception.Message}", inner: exception);
        }
    }

    private static void Drain(Stream stream, CancellationToken cancellation)
    {
        byte[] rest = new byte[64 << 10];
        while (stream.Read(rest) > 0) cancellation.ThrowIfCancellationRequested();
    }
}
