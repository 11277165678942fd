namespace Sluice.Build.OverlayBd;

/// <summary>The device below the layers that are being made: what layers that exist already hold.</summary>
internal interface ILowerDevice
{
    /// <summary>True if a layer has something at this block; others read as zeros.</summary>
    bool Holds(long block);

    /// <summary>Fills the buffer, one block of 4 KiB.</summary>
    void Read(long block, Span<byte> content);
}
