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
        MountRecord[] there = [.. description.Mounts.Where(record => (record.IsWritable ? writable : record.IsLocal || disks) && IsThere(record, table, options))];
        return new Inheritance(
            [.. there.Where(record => record is { IsWritable: false, IsLocal: false })], [.. there.Where(record => record.IsLocal)], [.. there.Where(record => record.IsWritable)]);
    }

    private static bool IsThere(MountRecord record, IReadOnlyList<MountEntry> table, NodeOptions options) => record switch
    {
        { Mount: { } mount } => table.Any(entry => entry.MountPoint == record.Target && MountIdentity.Of(entry) == mount),
        { Device: { } device, Disks: [{ } disk] } => ImageMounts.BackingFileOf(device) == Path.Combine(options.WritableDisksDirectory, disk.Name),
        _ => false,
    };
}
