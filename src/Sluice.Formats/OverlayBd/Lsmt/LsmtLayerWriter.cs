using System.Runtime.InteropServices;

namespace Sluice.Formats.OverlayBd.Lsmt;

/// <summary>
/// Writes a committed layer in one forward pass: header, data in the order of the device, index, trailer. The output may be
/// a file, a <see cref="ZFile.ZFileWriter"/> or a <see cref="TarWrapperWriter"/>.
/// </summary>
/// <remarks>
/// <code>
/// header 4096 | data | index, padded with invalid entries to 4096 | trailer 4096
/// </code>
/// Extents that continue each other on the device and in the file become one, up to <see cref="LsmtExtent.MaxLength"/>. Not thread-safe;
/// the same calls give the same bytes. The output is neither flushed nor disposed.
/// </remarks>
public sealed class LsmtLayerWriter
{
    private const int PaddedEntries = 4096 / LsmtExtent.Bytes;
    private const int ZeroBlock = 4096;

    /// <summary>With so many entries no more zeros are looked for, as each run may cost two entries.</summary>
    private const int MaxEntriesWithZeros = LsmtLimits.MaxEntries / 2;

    private readonly Stream _output;
    private readonly LsmtLayerOptions _options;
    private readonly List<LsmtExtent> _extents = [];
    private LsmtExtent _last;
    private long _sector = LsmtHeader.Size / LsmtExtent.SectorSize;
    private bool _complete;

    public LsmtLayerWriter(Stream output, LsmtLayerOptions options)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(options);
        if (options.VirtualSize is < 0 or > LsmtLimits.MaxVirtualSize) throw new ArgumentException($"a device of {options.VirtualSize} bytes", nameof(options));
        _output = output;
        _options = options;
        _options.Describe(LsmtFlags.Header | LsmtFlags.DataFile | LsmtFlags.Sealed).Write(_output);
    }

    /// <summary>Bytes of the file so far.</summary>
    public long Length => _sector * LsmtExtent.SectorSize;

    /// <summary>Appends data of the device.</summary>
    /// <param name="sector">Not before the end of what was appended last.</param>
    /// <param name="data">Whole sectors.</param>
    public void Write(long sector, ReadOnlySpan<byte> data)
    {
        if (data.Length % LsmtExtent.SectorSize != 0) throw new ArgumentException("not whole sectors", nameof(data));
        while (!data.IsEmpty)
        {
            int length = NextRun(sector, data, out bool zero);
            if (zero) WriteZeros(sector, length / LsmtExtent.SectorSize);
            else WriteData(sector, data[..length]);
            sector += length / LsmtExtent.SectorSize;
            data = data[length..];
        }
    }

    /// <summary>Appends sectors that read as zeros, whatever lower layers hold there.</summary>
    public void WriteZeros(long sector, long count)
    {
        // A zeroed extent has no place in the file, but readers check that it names one.
        Append(sector, count, _sector, zeroed: true, layer: 0);
    }

    /// <summary>Appends sectors that are in the original layer's tar (TurboOCI).</summary>
    /// <param name="remoteSector">Their place in the uncompressed tar.</param>
    public void WriteRemote(long sector, long count, long remoteSector)
    {
        if (!_options.Warp) throw new InvalidOperationException("this layer is not of TurboOCI");
        Append(sector, count, remoteSector, zeroed: false, LsmtIndexReader.RemoteLayer);
    }

    /// <summary>Writes the index and the trailer.</summary>
    /// <returns>The trailer.</returns>
    public LsmtHeader Complete()
    {
        ObjectDisposedException.ThrowIf(_complete, this);
        _complete = true;
        if (_last.Length > 0) _extents.Add(_last);
        while (!_options.Warp && _extents.Count % PaddedEntries != 0) _extents.Add(new LsmtExtent(LsmtExtent.InvalidOffset, 0, 0));
        _output.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_extents)));
        LsmtHeader trailer = _options.Describe(LsmtFlags.DataFile | LsmtFlags.Sealed) with { IndexOffset = Length, IndexCount = _extents.Count };
        trailer.Write(_output);
        return trailer;
    }

    /// <summary>Length in bytes of the data that <paramref name="data"/> begins with, or of its zeros.</summary>
    private int NextRun(long sector, ReadOnlySpan<byte> data, out bool zero)
    {
        zero = false;
        if (!_options.DetectZeros || _extents.Count > MaxEntriesWithZeros) return data.Length;
        var length = (int)(-(sector * LsmtExtent.SectorSize) & (ZeroBlock - 1));
        zero = length == 0 && IsZero(data);
        while (data.Length - length >= ZeroBlock && IsZero(data[length..]) == zero) length += ZeroBlock;

        // Less than a block behind data goes with it.
        return data.Length - length < ZeroBlock && !zero ? data.Length : length;
    }

    private static bool IsZero(ReadOnlySpan<byte> data) => data.Length >= ZeroBlock && !data[..ZeroBlock].ContainsAnyExcept((byte)0);

    private void WriteData(long sector, ReadOnlySpan<byte> data)
    {
        long position = _sector;
        _output.Write(data);
        _sector += data.Length / LsmtExtent.SectorSize;
        Append(sector, data.Length / LsmtExtent.SectorSize, position, zeroed: false, layer: 0);
    }

    private void Append(long sector, long count, long mapped, bool zeroed, byte layer)
    {
        ObjectDisposedException.ThrowIf(_complete, this);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (sector < (_last.Length == 0 ? 0 : _last.End) || sector + count > LsmtExtent.InvalidOffset)
        {
            throw new ArgumentOutOfRangeException(nameof(sector), sector, "not behind what was written before");
        }

        while (count > 0)
        {
            bool continues = _last.Length is > 0 and < LsmtExtent.MaxLength && _last.End == sector && _last.IsZeroed == zeroed && _last.Layer == layer
                && _last.MappedOffset + (zeroed ? 0 : _last.Length) == mapped;
            var taken = (int)Math.Min(count, LsmtExtent.MaxLength - (continues ? _last.Length : 0));
            if (continues)
            {
                _last = new LsmtExtent(_last.Offset, _last.Length + taken, _last.MappedOffset, zeroed, layer);
            }
            else
            {
                if (_last.Length > 0) _extents.Add(_last);
                if (_extents.Count == LsmtLimits.MaxEntries - PaddedEntries) throw new SluiceException(SluiceError.Image, "lsmt", "a layer has too many pieces", "split it into several layers");
                _last = new LsmtExtent(sector, taken, mapped, zeroed, layer);
            }

            sector += taken;
            count -= taken;
            if (!zeroed) mapped += taken;
        }
    }
}
