namespace Sluice.Formats.OverlayBd.Index;

/// <summary>A part of a request that lies in one place: in one layer, or nowhere.</summary>
/// <param name="MappedOffset">First sector of it in the layer's file; 0 where it reads as zeros.</param>
/// <param name="Sectors">Its length, at least 1.</param>
/// <param name="Layer">Position of the layer in the stack, 0 at the bottom, or <see cref="Zeros"/>.</param>
public readonly record struct Segment(long MappedOffset, int Sectors, int Layer)
{
    /// <summary>In place of a layer: no layer has data here (a hole or a discarded range), it reads as zeros.</summary>
    public const int Zeros = -1;

    public bool IsZeros => Layer < 0;
}
