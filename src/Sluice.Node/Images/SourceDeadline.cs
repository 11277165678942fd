using Sluice.Formats;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>Bounds what is asked of a source before an image can be mounted, all attempts together.</summary>
internal static class SourceDeadline
{
    /// <param name="what">Is to be delivered, e.g. <c>the metadata of r/app:v1</c>.</param>
    /// <exception cref="SluiceException"><see cref="SluiceError.Timeout"/>, with what went wrong last; or what <paramref name="ask"/> throws.</exception>
    public static async Task<T> AskAsync<T>(TimeSpan limit, IImageStore store, string what, Func<CancellationToken, Task<T>> ask, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(limit);
        try
        {
            return await ask(deadline.Token);
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            string reason = exception.InnerException is SluiceException last ? $": {last.Message}" : "";
            throw new SluiceException(
                SluiceError.Timeout, store.Name, $"did not deliver {what} in {limit.TotalSeconds:0.#} s{reason}", "check the registry and the network, then try again", exception);
        }
    }
}
