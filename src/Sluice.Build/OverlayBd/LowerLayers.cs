using Sluice.Storage.Images;

namespace Sluice.Build.OverlayBd;

/// <summary>Layers that the destination has already, as the device below.</summary>
internal sealed class LowerLayers(BlockContentReader reader) : ILowerDevice
{
    public bool Holds(long block) => reader.Holds(block);

    public void Read(long block, Span<byte> content) => reader.Read(block, content);
}
