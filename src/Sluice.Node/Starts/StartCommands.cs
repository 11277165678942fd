using Sluice.Containerd.Client;
using Sluice.Containerd.Snapshots;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Traces;

namespace Sluice.Node.Starts;

/// <summary>
/// With which command the container was started that an image was mounted for. When containerd prepares a container's file system it does not say that, neither in labels nor otherwise: the container's record, with
/// the command in its specification, is made only afterwards. So it is looked up while the start goes on.
/// </summary>
/// <param name="socket">containerd's.</param>
internal sealed class StartCommands(Snapshotter snapshotter, string socket)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Null: there is no such container yet, or containerd does not say. Never faults but by cancellation.</summary>
    /// <param name="since">The container's snapshot is not older.</param>
    public async Task<StartCommand?> FindAsync(Digest manifest, DateTimeOffset since, CancellationToken cancellation)
    {
        if (!File.Exists(socket)) return null; // containerd's is another one
        try
        {
            foreach (SnapshotInfo snapshot in snapshotter.List([]).Where(snapshot => snapshot.Kind == SnapshotKind.Active && snapshot.Created >= since).OrderBy(snapshot => snapshot.Created))
            {
                if (!SnapshotKey.TryParse(snapshot.Name, out SnapshotKey key) || snapshotter.FindContainer(key.Namespace, key.Key)?.Image?.Key.Manifest != manifest) continue;
                using var client = new ContainerdClient(socket, key.Namespace, Patience);
                if (await client.Containers.FindCommandAsync(key.Key, cancellation) is { Count: > 0 } command) return StartCommand.Of(command);
            }
        }
        catch (SluiceException)
        {
            // A trace without a command is one, too.
        }

        return null;
    }
}
