using Sluice.Formats.Oci;

namespace Sluice.Build.Convert;

/// <summary>Hears how a conversion goes on. Called from several threads; must not block.</summary>
public interface IConvertProgress
{
    void LayerStarted(Descriptor layer);

    /// <param name="bytes">Compressed bytes of the layer read so far.</param>
    void LayerAdvanced(Descriptor layer, long bytes);

    void LayerFinished(ConvertedLayer layer);
}
