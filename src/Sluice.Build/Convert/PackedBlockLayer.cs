using Sluice.Build.OverlayBd;
using Sluice.Formats.OverlayBd.ZFile;

namespace Sluice.Build.Convert;

/// <summary>A finished block layer that has not been uploaded yet: a ZFile in a temporary file.</summary>
/// <param name="BytesLeftOut">Bytes of metadata that the layers below hold already.</param>
/// <param name="Warnings">What could not be carried over, one line each.</param>
internal sealed record PackedBlockLayer(ScratchFile File, ZFileHeader Trailer, long BytesLeftOut, IReadOnlyList<string> Warnings) : IDisposable
{
    public void Dispose() => File.Dispose();
}
