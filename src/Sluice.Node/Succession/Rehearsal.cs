using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Formats;
using Sluice.Node.Configuration;
using Sluice.Node.Images;

namespace Sluice.Node.Succession;

/// <summary>
/// What a daemon does when it takes over, done once while its predecessor still serves: a daemon in a directory of its own, which reads one image of each kind of those that the node
/// has. The code is compiled then, and the metadata in memory, so that who reads during the take-over waits for less. Measured: docs/reliability.md.
/// </summary>
internal static class Rehearsal
{
    /// <summary>An upgrade is not held up by a registry that is away.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    /// <summary>Never throws but for <paramref name="cancellation"/>: what does not work here is said when it is in earnest.</summary>
    /// <param name="options">Of the daemon that is to come.</param>
    public static async Task RunAsync(NodeOptions options, CancellationToken cancellation)
    {
        string directory = Path.Combine(options.State, $"rehearsal-{Environment.ProcessId}");
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(Limit);
            await using NodeDaemon daemon = await NodeDaemon.StartAsync(Own(options, directory), NullLoggerFactory.Instance, limit.Token);
            foreach (LocalImage image in OneOfEachKind(new LocalImages(options.ImagesDirectory))) await daemon.RehearseAsync(image, limit.Token);
        }
        catch (Exception)
        {
            cancellation.ThrowIfCancellationRequested();
        }

        try
        {
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Something is mounted there still; the take-over cleans it away.
        }
    }

    /// <summary>Nobody can call it, nothing is kept for it, and it sends nothing.</summary>
    private static NodeOptions Own(NodeOptions options, string directory) => options with
    {
        Root = Path.Combine(directory, "root"),
        State = directory,
        Address = "",
        AdminAddress = "",
        Keeper = KeeperKind.None,
        MountsBesideKeeper = false,
        ImageServiceOf = "",
        MetricsAddress = null,
        OtlpEndpoint = null,
    };

    private static IEnumerable<LocalImage> OneOfEachKind(LocalImages images)
    {
        HashSet<Type> kinds = [];
        foreach (LocalImage image in images.List().Take(16).Select(images.Load).OfType<LocalImage>())
            if (kinds.Add(image.Content.GetType())) yield return image;
    }
}
