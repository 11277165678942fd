namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>What is written into a committed layer beside its data.</summary>
public sealed record LsmtLayerOptions
{
    /// <summary>Bytes of the device.</summary>
    public required long VirtualSize { get; init; }

    /// <summary>At most 36 ASCII characters.</summary>
    public string Uuid { get; init; } = LsmtHeader.NoUuid;

    public string ParentUuid { get; init; } = LsmtHeader.NoUuid;

    /// <summary>At most <see cref="LsmtHeader.MaxUserTag"/> bytes of UTF-8.</summary>
    public string UserTag { get; init; } = "";

    /// <summary>
    /// Stores blocks of 4 KiB (at multiples of that on the device) that are zero as extents without data. The format's own tools
    /// don't, but read it.
    /// </summary>
    public bool DetectZeros { get; init; } = true;

    /// <summary>A file of TurboOCI: its extents keep their layer, its index is not padded.</summary>
    public bool Warp { get; init; }

    /// <summary>A header or trailer of the layer, still without an index.</summary>
    internal LsmtHeader Describe(LsmtFlags flags) =>
        new() { Flags = flags, VirtualSize = VirtualSize, Uuid = Uuid, ParentUuid = ParentUuid, UserTag = UserTag };
}
