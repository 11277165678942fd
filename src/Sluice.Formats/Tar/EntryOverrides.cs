using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

/// <summary>What extension headers say about an entry in place of its header's fields; null where they say nothing.</summary>
internal sealed class EntryOverrides
{
    private byte[]? _path;
    private byte[]? _linkTarget;
    private int _nameBytes;

    public ReadOnlySpan<byte> Path => _path;

    public ReadOnlySpan<byte> LinkTarget => _linkTarget;

    public bool HasPath => _path is not null;

    public bool HasLinkTarget => _linkTarget is not null;

    public long? Size { get; set; }

    public long? UserId { get; set; }

    public long? GroupId { get; set; }

    public FileTime? ModificationTime { get; set; }

    public FileTime? AccessTime { get; set; }

    public FileTime? ChangeTime { get; set; }

    public long? DeviceMajor { get; set; }

    public long? DeviceMinor { get; set; }

    public AttributeSet Attributes { get; } = new();

    public SparseRecords Sparse { get; } = new();

    /// <summary>An empty path withdraws the override.</summary>
    public void SetPath(ReadOnlySpan<byte> path, long offset) => _path = Charge(path, offset);

    /// <summary>An empty target withdraws the override.</summary>
    public void SetLinkTarget(ReadOnlySpan<byte> target, long offset) => _linkTarget = Charge(target, offset);

    /// <summary>Starts an entry with what global headers say.</summary>
    public void CopyFrom(EntryOverrides global)
    {
        (_path, _linkTarget, _nameBytes) = (global._path, global._linkTarget, 0);
        (Size, UserId, GroupId) = (global.Size, global.UserId, global.GroupId);
        (ModificationTime, AccessTime, ChangeTime) = (global.ModificationTime, global.AccessTime, global.ChangeTime);
        (DeviceMajor, DeviceMinor) = (global.DeviceMajor, global.DeviceMinor);
        Attributes.CopyFrom(global.Attributes);
        Sparse.Clear();
    }

    /// <summary>Global names replace each other: only one entry's worth of them is ever held.</summary>
    public void ForgetCharges() => _nameBytes = 0;

    private byte[]? Charge(ReadOnlySpan<byte> name, long offset)
    {
        _nameBytes += name.Length;
        if (_nameBytes > TarLimits.Names) throw TarError.At(offset, $"the names of an entry are longer than {TarLimits.Names} bytes");
        return name.IsEmpty ? null : name.ToArray();
    }
}
