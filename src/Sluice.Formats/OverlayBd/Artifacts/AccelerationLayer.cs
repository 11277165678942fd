using Sluice.Formats.Oci;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Formats.OverlayBd.Artifacts;

/// <summary>The topmost layer of an OverlayBD image that says what to fetch ahead: an ordinary tar, uncompressed, with a file <c>trace</c>: a <see cref="TraceFile"/> or a list of paths.</summary>
public static class AccelerationLayer
{
    private const string TraceName = "trace";

    /// <summary>Bytes of a trace that we read: that of a million records.</summary>
    public const int MaxTrace = (TraceFile.MaxRecords + 1) * TraceFile.RecordSize;

    /// <summary>Packs the layer; the same trace gives the same bytes.</summary>
    public static byte[] Pack(ReadOnlySpan<byte> trace)
    {
        var packed = new MemoryStream();
        using var tar = new TarWriter(packed, leaveOpen: true);
        tar.WriteEntry(new TarEntry { Path = new FileName(TraceName), Type = TarEntryType.Regular, Mode = 0x124 /* 0444 */, Size = trace.Length });
        tar.WriteContent(trace);
        tar.Finish();
        return packed.ToArray();
    }

    /// <summary>The trace in a layer.</summary>
    /// <exception cref="InvalidFormatException">Nothing like it is in it.</exception>
    public static byte[] Read(Stream layer)
    {
        using var tar = new TarReader(layer);
        while (tar.ReadEntry() is { } entry)
        {
            if (entry.Type != TarEntryType.Regular || entry.Path.ToString() != TraceName) continue;
            if (entry.Size > MaxTrace) throw new InvalidFormatException("acceleration layer", $"a trace of {entry.Size} bytes");
            byte[] trace = new byte[entry.Size];
            for (int filled = 0, read; filled < trace.Length; filled += read)
            {
                read = tar.ReadContent(trace.AsSpan(filled));
                if (read == 0) throw new InvalidFormatException("acceleration layer", "its trace ends early");
            }

            return trace;
        }

        throw new InvalidFormatException("acceleration layer", $"there is no file '{TraceName}' in it");
    }

    /// <summary>Describes the layer as it stands in a manifest.</summary>
    public static Descriptor Describe(Digest digest, long size, string fileSystem)
    {
        Descriptor layer = OverlayBdAnnotations.Describe(digest, size, fileSystem);
        return layer with { Annotations = new Dictionary<string, string>(layer.Annotations!, StringComparer.Ordinal) { [OverlayBdAnnotations.AccelerationLayer] = "yes" } };
    }
}
