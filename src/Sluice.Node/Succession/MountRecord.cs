using System.Text.Json.Serialization;

namespace Sluice.Node.Succession;

/// <summary>
/// One mounted image, or one writable disk, as the process that serves it describes it to its successor. Written before the kernel can use the disks, and again when
/// it is mounted: a record without <see cref="Mount"/> and <see cref="Device"/> is of something that was about to be mounted.
/// </summary>
internal sealed record MountRecord
{
    /// <summary>See <see cref="MountDescription.Version"/>.</summary>
    public int Version { get; init; } = MountDescription.Version;

    /// <summary>Names the record and, as a part of their names, its disks.</summary>
    public required string Key { get; init; }

    /// <summary>Full name with transport, where the blobs come from.</summary>
    public required string Reference { get; init; }

    /// <summary>Digest of the manifest: the metadata is kept under it.</summary>
    public required string Manifest { get; init; }

    /// <summary>Where it is mounted, or is to be; empty for a device that nobody here mounts.</summary>
    public string Target { get; init; } = "";

    /// <summary>The directory was made for the mount and goes with it.</summary>
    public bool OwnsTarget { get; init; }

    /// <summary>EROFS over one flat disk.</summary>
    public bool OnLoop { get; init; }

    /// <summary>The kernel has the files of the disks: it needs no connection, and nobody to serve it.</summary>
    public bool IsLocal { get; init; }

    /// <summary>Directory of the writable layer; null for an image that is mounted read-only.</summary>
    public string? Layer { get; init; }

    /// <summary>Of a writable disk: what is on it.</summary>
    public string FileSystem { get; init; } = "";

    /// <summary>What whoever mounted it without the daemon asked for.</summary>
    public string Name { get; init; } = "";

    public IReadOnlyList<DiskRecord> Disks { get; init; } = [];

    /// <summary>The mount, once it stands.</summary>
    public MountIdentity? Mount { get; init; }

    /// <summary>The loop device of a disk that nobody here mounts, once it stands.</summary>
    public string? Device { get; init; }

    [JsonIgnore]
    public bool IsWritable => Layer is not null;
}

/// <summary>A disk, as its server has it.</summary>
/// <param name="Place">See <see cref="Kernel.Fuse.DiskServer.PlaceOf"/>; 0: it has none, as nobody serves it.</param>
/// <param name="BackingId">The kernel's handle of its file, where that was opened in passthrough; 0: it wasn't.</param>
internal sealed record DiskRecord(string Name, long Length, ulong Place, int BackingId = 0);

/// <summary>Which mount it is.</summary>
/// <param name="Id">In the mount namespace of the one who wrote it: in another one the same mount has another.</param>
internal sealed record MountIdentity(int Id, int Major, int Minor, string Source)
{
    /// <summary>Whether it is a mount of this process's table. An image's file system has a device of its own.</summary>
    public bool Is(Kernel.Mounts.MountEntry entry) => (entry.Major, entry.Minor, entry.Source) == (Major, Minor, Source);

    public static MountIdentity Of(Kernel.Mounts.MountEntry entry) => new(entry.Id, entry.Major, entry.Minor, entry.Source);
}

/// <summary>A FUSE connection that a keeper holds under the same name.</summary>
/// <param name="Connection">The kernel's number of it.</param>
/// <param name="ProtocolMinor">See <see cref="Kernel.Fuse.FuseSession"/>.</param>
/// <param name="Epoch">How often it was taken over.</param>
internal sealed record ConnectionRecord(string Name, int Connection, int ProtocolMinor, bool Passthrough, bool Resend, int Epoch)
{
    /// <summary>See <see cref="MountDescription.Version"/>.</summary>
    public int Version { get; init; } = MountDescription.Version;
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(MountRecord))]
[JsonSerializable(typeof(ConnectionRecord))]
[JsonSerializable(typeof(VersionRecord))]
internal sealed partial class MountRecordJson : JsonSerializerContext;

/// <summary>What all records have, whatever wrote them.</summary>
internal sealed record VersionRecord(int Version);
