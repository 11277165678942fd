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
    public static void Read(Stream blob, Descriptor layer, Action<TarReader, TarEntry> visit, CancellationToken cancellation)
    {
        try
        {
            using Stream stream = LayerStream.Open(blob, layer);
            using var tar = new TarReader(stream, leaveOpen: true);
            while (tar.ReadEntry() is { } entry)
            {
                cancellation.ThrowIfCancellationRequested();
                visit(tar, entry);
            }

            Drain(stream, cancellation);
            Drain(blob, cancellation);
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
