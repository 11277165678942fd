using Sluice.Formats;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>
/// The append-only upper, the default: data goes to the end of the data file, in the order of writing, and is never overwritten.
/// Its files are those of overlaybd (<c>overlaybd-create</c> makes them, <c>overlaybd-commit</c> reads them).
/// </summary>
public sealed class AppendUpper : LoggedUpper
{
    /// <summary>Sectors of the data file.</summary>
    private long _end;

    private AppendUpper(IUpperFile data, IUpperFile log, LsmtHeader header, UpperState state, PendingFile? pending)
        : base(data, log, header, state, pending) => _end = state.DataEnd;

    private protected override long ZeroedPlace => _end;

    private protected override bool InPlace => false;

    /// <summary>Makes the two files of an empty upper, durable when it returns.</summary>
    /// <param name="header">By <see cref="LsmtHeader.ForData"/>.</param>
    /// <exception cref="SluiceException">A file exists or can't be made.</exception>
    public static AppendUpper Create(string dataPath, string logPath, LsmtHeader header) =>
        UpperPaths.Create(dataPath, logPath, (data, log) => Create(data, log, header));

    /// <summary>Opens what was made before, by us or by overlaybd. What a power cut tore off the ends is cut away.</summary>
    /// <exception cref="InvalidFormatException">Other files, or damaged ones.</exception>
    /// <exception cref="SluiceException">A file can't be opened, read or cut; or the upper was sealed.</exception>
    public static AppendUpper Open(string dataPath, string logPath) => UpperPaths.Open(dataPath, logPath, FileMode.Open, (data, log) => Open(data, log));

    internal static AppendUpper Create(IUpperFile data, IUpperFile log, LsmtHeader header, PendingFile? pending = null)
    {
        UpperHeaders.Write(data, header);
        UpperHeaders.Check(data.Sync(), "the data can't be synced");
        UpperHeaders.WriteLog(log, header, pending?.Begin(header.Uuid, LsmtHeader.Size) ?? "");
        return new AppendUpper(data, log, header, new UpperState(), pending);
    }

    internal static AppendUpper Open(IUpperFile data, IUpperFile log, PendingFile? pending = null, bool sealedToo = false)
    {
        LsmtHeader header = UpperHeaders.ReadData(data, sparse: false);
        LsmtHeader tagged = UpperHeaders.ReadLog(log, header);
        long length = UpperHeaders.Length(data);
        UpperState state = UpperState.Replay(log, length);
        if (tagged.UserTag == SealedTag || IsTrailed(data, header, state.DataEnd * SectorSize, length))
        {
            if (!sealedToo) throw UpperHeaders.Sealed(header);
            pending?.Delete();
            pending?.Dispose();
            return new AppendUpper(data, log, header, state, null) { IsSealed = true };
        }

        if (pending is not null) state.TakeOver(data, log, pending.Read(header.Uuid, tagged.UserTag, state.LogEnd));

        // The log's tail must be gone for good before new entries are written over its begin.
        if (UpperHeaders.Length(log) > state.LogEnd)
        {
            UpperHeaders.Check(log.SetLength(state.LogEnd), "the log's torn end can't be cut");
            UpperHeaders.Check(log.Sync(), "the log can't be synced");
        }

        long dataEnd = state.DataEnd * SectorSize;
        if (length > dataEnd) UpperHeaders.Check(data.SetLength(dataEnd), "the data's torn end can't be cut");
        if (pending is not null || PendingFile.IsSession(tagged.UserTag)) UpperHeaders.WriteLog(log, header, pending?.Begin(header.Uuid, state.LogEnd) ?? "");
        return new AppendUpper(data, log, header, state, pending);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The data file becomes a layer in place: index and trailer behind the data, overwritten data stays. With more pieces than a layer may have it
    /// freezes as it is, as a sparse one does.
    /// </remarks>
    public override UpperError Seal() => WhenFlushed(() =>
    {
        if (ExtentCount > LsmtLimits.MaxEntries) return Freeze();
        ReadOnlySpan<byte> end = LsmtSeal.Make(Header with { VirtualSize = VirtualSize }, _end * SectorSize, Extents());

        // First the index, as the trailer makes it count.
        UpperError error = Data.Write(_end * SectorSize, end[..^LsmtHeader.Size]);
        if (error == UpperError.None) error = Data.Sync();
        if (error == UpperError.None) error = Data.Write((_end * SectorSize) + end.Length - LsmtHeader.Size, end[^LsmtHeader.Size..]);
        if (error == UpperError.None) error = Data.Sync();
        IsSealed = error == UpperError.None;
        if (!IsSealed) _ = Data.SetLength(_end * SectorSize);
        return error;
    });

    private protected override long Place(long sector) => _end;

    private protected override void Placed(long mapped, int count) => _end += count;

    private protected override UpperError Release(long sector, int count) => UpperError.None;

    /// <summary>A seal's trailer is behind all data that the log knows, so data that looks like one isn't taken for it.</summary>
    private static bool IsTrailed(IUpperFile data, LsmtHeader header, long dataEnd, long length)
    {
        if (length - LsmtHeader.Size < dataEnd) return false;
        byte[] last = new byte[LsmtHeader.Size];
        UpperHeaders.Check(data.Read(length - last.Length, last), "its end can't be read");
        if (!LsmtHeader.IsMatch(last)) return false;
        LsmtHeader trailer = LsmtHeader.Read(last);
        return trailer.Flags == (LsmtFlags.DataFile | LsmtFlags.Sealed) && trailer.Uuid == header.Uuid && trailer.IndexOffset >= dataEnd;
    }
}
