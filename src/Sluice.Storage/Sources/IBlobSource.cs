using Sluice.Formats.Oci;
using Sluice.Storage.Sources.Places;

namespace Sluice.Storage.Sources;

/// <summary>
/// Where blob bytes come from: a registry repository, a mirror, a layout, a directory, a peer. Bytes are raw and not
/// verified. All members may be called concurrently.
/// </summary>
public interface IBlobSource : IAsyncDisposable
{
    /// <summary>What error texts and logs call this place, e.g. <c>registry 10.0.0.1:5000</c> or <c>oci:/srv/images</c>.</summary>
    string Name { get; }

    /// <summary>What all sources at the same place share; null: whoever reads much keeps one by <see cref="Name"/>.</summary>
    SourcePlace? Place => null;

    /// <summary>
    /// Fills all of <paramref name="destination"/> with the blob's bytes from <paramref name="offset"/>. Retries, token
    /// renewal and redirects happen inside. Throws a <see cref="Formats.SluiceException"/> when the place can't deliver
    /// (also when the blob ends before the range does) and <see cref="OperationCanceledException"/> when cancelled: with the
    /// failure of the last attempt inside, if attempts had failed until then.
    /// </summary>
    Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation);

    /// <summary>By the reader: what was delivered of a blob lately is wrong. The next read asks elsewhere, where there is an elsewhere.</summary>
    void Reject(Digest blob) => Place?.Distrust(blob);
}
