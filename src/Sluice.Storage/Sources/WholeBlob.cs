using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources;

/// <summary>Reading of blobs that are checked as a whole.</summary>
internal static class WholeBlob
{
    /// <summary>
    /// Reads a blob and, when it turns out to be wrong at its end, once more from every other place: a store asks one that delivered wrong bytes last.
    /// </summary>
    /// <param name="use">Reads the stream to its end; what it has made of it counts only if the end does not throw. Called again after a failure.</param>
    public static async Task<T> FetchAsync<T>(IImageStore store, Descriptor blob, Func<Stream, Task<T>> use, CancellationToken cancellation)
    {
        for (int left = store.Sources.Count; ; left--)
        {
            try
            {
                await using Stream stream = await store.OpenBlobAsync(blob, cancellation).ConfigureAwait(false);
                return await use(stream).ConfigureAwait(false);
            }
            catch (SluiceException exception) when (left > 1 && exception.Error is SluiceError.Source or SluiceError.Image)
            {
                // The next one may have it right; the last one's error is told.
                if (exception.Error == SluiceError.Image) store.Reject(blob.Digest); // wrong before its end was reached
            }
        }
    }
}
