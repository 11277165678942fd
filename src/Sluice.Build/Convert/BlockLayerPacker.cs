using Sluice.Build.Layers;
using Sluice.Build.OverlayBd;
using Sluice.Formats.Ext4;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Formats.OverlayBd.ZFile;
using Sluice.Formats.Trees;

namespace Sluice.Build.Convert;

/// <summary>
/// Makes block layers on one device, one after another. Two threads of its own and those of the pipeline overlap: the first
/// downloads, inflates, walks the tar and writes the file system; the second writes the compressed blocks in order.
/// </summary>
internal sealed class BlockLayerPacker(BlockImageOptions options, LayeredDevice device, Pipeline<ZFileBatch> pipeline)
{
    private readonly HashSet<FileName> _dropped = [];
    private List<string> _warnings = [];

    /// <summary>The device holds a file system already.</summary>
    public bool IsFormatted { get; set; }

    /// <param name="layers">The layers that go into this one, each to be opened when its turn comes and read to its end.</param>
    /// <exception cref="Formats.SluiceException">Corrupt layer, source failed, the device or a disk is full.</exception>
    public async Task<PackedBlockLayer> PackAsync(IReadOnlyList<LayerSource> layers, LayerIdentity identity, CancellationToken cancellation)
    {
        long leftOut = device.BytesLeftOut;
        (ScratchFile file, ZFileHeader trailer) = await WriteAsync((output, stop) => Apply(layers, output, identity, stop), cancellation);
        List<string> warnings = _warnings;
        _warnings = [];
        return new PackedBlockLayer(file, trailer, device.BytesLeftOut - leftOut, warnings);
    }

    /// <summary>The same layer without what its later parts replaced.</summary>
    public async Task<PackedBlockLayer> CompactAsync(PackedBlockLayer layer, CancellationToken cancellation)
    {
        (ScratchFile file, ZFileHeader trailer) = await WriteAsync((output, _) => BlockLayerCompaction.Run(layer, output), cancellation);
        return layer with { File = file, Trailer = trailer };
    }

    private Task<(ScratchFile File, ZFileHeader Trailer)> WriteAsync(Action<Stream, CancellationToken> write, CancellationToken cancellation) =>
        CompressedLayer.WriteAsync(pipeline, options.ZFile, write, cancellation);

    private void Apply(IReadOnlyList<LayerSource> layers, Stream output, LayerIdentity identity, CancellationToken cancellation)
    {
        var writer = new LsmtAppendWriter(output, new LsmtLayerOptions { VirtualSize = device.Size, Uuid = identity.Uuid, ParentUuid = identity.ParentUuid });
        device.Begin(writer);
        if (!IsFormatted) Ext4Formatter.Format(device, new Ext4FormatOptions { Size = device.Size });
        IsFormatted = true;
        foreach (LayerSource layer in layers) Apply(layer, cancellation);
        device.End();
        writer.Complete();
    }

    private void Apply(LayerSource source, CancellationToken cancellation)
    {
        Ext4FileSystem fileSystem = Ext4FileSystem.Open(device);
        var applier = new Ext4LayerApplier(fileSystem);
        LayerEntries.Read(source.Open(), source.Layer, applier.Add, cancellation, source.DiffId);
        foreach (FileName path in applier.Finish()) _warnings.Add($"layer {source.Layer.Digest}: a hard link to '{path}', which does not exist, is left out");
        foreach (FileName name in fileSystem.DroppedAttributes.Order())
        {
            if (_dropped.Add(name)) _warnings.Add($"ext4 can't hold the attribute '{name}'; it is left out");
        }
    }
}
