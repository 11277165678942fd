using Sluice.Build.OverlayBd;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Build.Convert;

/// <summary>Makes the ZFile of a layer in a temporary file: one thread writes the layer, those of a pipeline compress, a second one stores the blocks in order.</summary>
internal static class CompressedLayer
{
    /// <param name="write">Writes the layer, on a thread of its own; its token ends when storing has failed.</param>
    /// <returns>The file, which is the caller's, and the trailer in it.</returns>
    public static async Task<(ScratchFile File, ZFileHeader Trailer)> WriteAsync(
        Pipeline<ZFileBatch> pipeline, ZFileOptions options, Action<Stream, CancellationToken> write, CancellationToken cancellation)
    {
        var file = new ScratchFile();
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var zfile = new ZFileWriter(file, options);
            await using var compressor = new ZFileCompressor(pipeline, stop.Token);
            Task making = OwnThread.Run("make layer", () =>
            {
                write(compressor, stop.Token);
                compressor.Complete();
            }, stop);
            Task<ZFileHeader> writing = OwnThread.Run("write blob", () =>
            {
                compressor.WriteTo(zfile);
                return zfile.Complete();
            }, stop);
            await OwnThread.BothAsync(making, writing, cancellation);
            return (file, writing.Result);
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }
}
