using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Build.Commit;

/// <summary>What a container has changed on its device, to become a layer.</summary>
/// <param name="Write">Writes it as a committed layer, without data that was overwritten; always the same bytes. Called twice, on a thread that may wait.</param>
public sealed record CommitLayer(Action<Stream, LsmtLayerOptions> Write)
{
    /// <summary>What an earlier commit made of the same changes, with whatever options; taken if it fits and the destination has it.</summary>
    public Descriptor? Known { get; init; }
}

/// <summary>What a commit made.</summary>
/// <param name="Manifest">What the destination's name now means.</param>
/// <param name="Layers">The new layers, lowest first.</param>
public sealed record CommitResult(Descriptor Manifest, IReadOnlyList<CommittedLayer> Layers);

/// <param name="Reused">The destination had it from an earlier commit.</param>
public sealed record CommittedLayer(Descriptor Blob, bool Reused);
