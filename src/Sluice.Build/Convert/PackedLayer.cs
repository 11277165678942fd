using Sluice.Build.Layers;
using Sluice.Formats.Oci;
using Sluice.Formats.Rafs;

namespace Sluice.Build.Convert;

/// <summary>A layer that has become a blob, here or in an earlier conversion.</summary>
internal sealed class PackedLayer
{
    public required LayerTree Tree { get; init; }

    /// <summary>Digest of the blob as a registry stores it.</summary>
    public required Digest Digest { get; init; }

    /// <summary>Bytes of the blob as stored.</summary>
    public required long Size { get; init; }

    /// <summary>Null when the layer has no chunk of its own; it is stored all the same, with only its bootstrap inside.</summary>
    public RafsBlob? Blob { get; init; }

    public required ChunkInfo[] Chunks { get; init; }

    /// <summary>The chunk-info table in the form of nydusd's cache; empty without chunks.</summary>
    public ReadOnlyMemory<byte> ChunkInfoFile { get; init; }

    public long DuplicateBytes { get; init; }
}
