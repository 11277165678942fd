using Sluice.Kernel.Mounts;
using Sluice.Node.Configuration;

namespace Sluice.Node.Succession;

/// <summary>What a predecessor has described and what of it is really there: mounts that stand, over connections that can be taken over or over none.</summary>
/// <param name="Images">Mounted read-only, and served.</param>
/// <param name="Local">Mounted read-only, on local files.</param>
/// <param name="Writable">Writable disks, mounted or attached as devices.</param>
internal sealed record Inheritance(IReadOnlyList<MountRecord> Images, IReadOnlyList<MountRecord> Local, IReadOnlyList<MountRecord> Writable)
{
    /// <summary>Looks into the mount table and at the loop devices; touches no mount.</summary>
    public static Inheritance Find(NodeOptions options, MountDescription description, KeptConnections connections)
    {
        bool disks = connections.IsLeft(KeptConnections.Disks, options.DisksDirectory), writable = connections.IsLeft(KeptConnections.Writable, options.WritableDisksDirectory);
        IReadOnlyList<MountEntry> table = MountTable.Read();
        MountRecord[] there = [.. description.Mounts.Where(record => record.IsWritable ? writable : record.IsLocal || disks).Select(record => FindThere(record, table, options)).OfType<MountRecord>()];
        return new Inheritance(
            [.. there.Where(record => record is { IsWritable: false, IsLocal: false })], [.. there.Where(record => record.IsLocal)], [.. there.Where(record => record.IsWritable)]);
    }

    /// <summary>The record as it is now; null: it is not there.</summary>
    private static MountRecord? FindThere(MountRecord record, IReadOnlyList<MountEntry> table, NodeOptions options) => record switch
    {
        { Mount: { } mount } => table.LastOrDefault(entry => entry.MountPoint == record.Target && mount.Is(entry)) is { } entry ? record with { Mount = MountIdentity.Of(entry) } : null,
        { Device: { } device, Disks: [{ } disk] } => ImageMounts.BackingFileOf(device) == Path.Combine(options.WritableDisksDirectory, disk.Name) ? record : null,
        _ => null,
    };
}
