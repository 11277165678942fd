using System.Security.Cryptography;
using System.Text;
using Sluice.Node.Configuration;

namespace Sluice.Cli.Commands;

/// <summary>Where `sluice mount` keeps what belongs to one mount.</summary>
internal static class MountPlaces
{
    /// <param name="target">Absolute: the mount point.</param>
    /// <param name="root">As it was said, or null: a place of its own for each target.</param>
    /// <param name="state">Likewise.</param>
    public static NodeOptions Of(string target, string? root, string? state, NodeOptions configured)
    {
        string id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(target)))[..12];
        return configured with
        {
            Root = Path.GetFullPath(root ?? $"/var/lib/sluice/mounts/{id}"),
            State = Path.GetFullPath(state ?? $"/run/sluice/mounts/{id}"),
        };
    }
}
