namespace Sluice.Storage.Sources.Registries;

/// <summary>A response body that stands at the wanted position of a blob.</summary>
/// <param name="End">Position in the blob after the last byte that this body is good for.</param>
internal sealed record BlobBody(RegistryHost Host, HttpResponseMessage Response, Stream Stream, StallTimer Timer, long End) : IDisposable
{
    public void Dispose()
    {
        Response.Dispose();
        Timer.Dispose();
    }
}
