using System.Runtime.InteropServices;

namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>
/// Writes a committed layer in one forward pass, whatever the order in which sectors come: data lies in the file as it came, the
/// index is in the order of the device. What comes last wins; what it covers stays in the file, unused.
/// </summary>
/// <remarks>
/// Readers of the format don't ask for data in the order of the device: layers that were sealed in place have none. Not thread-safe;
/// the same calls give the same bytes. The output is neither flushed nor disposed.
/// </remarks>
public sealed class LsmtAppendWriter
{
    private const int PaddedEntries = 4096 / LsmtExtent.Bytes;
    private const int MaxRun = LsmtExtent.MaxLength & ~7; // no extent ends within 4 KiB

    private readonly Stream _output;
    private readonly LsmtLayerOptions _options;
    private readonly LsmtMutableIndex _index = new();
    private long _sector = LsmtHeader.Size / LsmtExtent.SectorSize;

    /// <param name="options"><see cref="LsmtLayerOptions.DetectZeros"/> is the caller's matter here.</param>
    public LsmtAppendWriter(Stream output, LsmtLayerOptions options)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(options);
        _output = output;
        _options = options;
        _options.Describe(LsmtFlags.Header | LsmtFlags.DataFile | LsmtFlags.Sealed).Write(_output);
    }

    /// <summary>Appends data of the device.</summary>
    /// <param name="data">Whole sectors.</param>
    public void Write(long sector, ReadOnlySpan<byte> data)
    {
        if (data.Length % LsmtExtent.SectorSize != 0) throw new ArgumentException("not whole sectors", nameof(data));
        _output.Write(data);
        for (int left = data.Length / LsmtExtent.SectorSize; left > 0;)
        {
            int count = Math.Min(left, MaxRun);
            _index.Insert(new LsmtExtent(sector, count, _sector));
            sector += count;
            _sector += count;
            left -= count;
        }
    }

    /// <summary>Sectors read as zeros, whatever lower layers hold there.</summary>
    public void WriteZeros(long sector, long count)
    {
        // A zeroed extent has no place in the file, but readers check that it names one.
        _index.InsertZeros(sector, count, _sector);
    }

    /// <summary>Sectors read as in the layers below.</summary>
    public void Forget(long sector, long count) => _index.Remove(sector, count);

    /// <summary>Writes the index and the trailer.</summary>
    /// <returns>The trailer.</returns>
    /// <exception cref="SluiceException">The layer has more pieces than an index may have.</exception>
    public LsmtHeader Complete()
    {
        LsmtExtent[] extents = _index.ToArray();
        int padded = (extents.Length + PaddedEntries - 1) / PaddedEntries * PaddedEntries;
        if (padded > LsmtLimits.MaxEntries) throw new SluiceException(SluiceError.Image, "lsmt", "a layer has too many pieces", "split it into several layers");
        int count = extents.Length;
        Array.Resize(ref extents, padded);
        extents.AsSpan(count).Fill(new LsmtExtent(LsmtExtent.InvalidOffset, 0, 0));
        LsmtHeader trailer = _options.Describe(LsmtFlags.DataFile | LsmtFlags.Sealed) with { IndexOffset = _sector * LsmtExtent.SectorSize, IndexCount = padded };
        _output.Write(MemoryMarshal.AsBytes<LsmtExtent>(extents));
        trailer.Write(_output);
        return trailer;
    }
}
