using Sluice.Storage.Disks.Uppers;

namespace Sluice.Node.Images;

/// <summary>Where the writable layer of a disk is kept.</summary>
/// <param name="Directory">Its files; made if it is missing.</param>
/// <param name="Kind">Of a new one, append-only by default. An existing one must be of this kind, if one is named.</param>
public sealed record WritableLayer(string Directory, UpperKind? Kind = null);
