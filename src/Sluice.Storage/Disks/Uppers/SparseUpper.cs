using Sluice.Formats;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Storage.Disks.Uppers;

/// <summary>
/// The sparse upper: sector n is at byte 4096 + 512 n of the data file and overwritten in place, so the file never grows beyond
/// the device.
/// </summary>
/// <remarks>
/// <para>
/// The data file is overlaybd's, whose reader takes everything allocated for data and the rest for absent. It thereby forgets
/// discards that hide a lower layer, and a write of less than a block of the file system hides the rest of that block. Here a log
/// beside it, of the same form as the append-only kind's, says exactly what is data and what is zeroed. overlaybd ignores
/// that file: it reads our uppers with its own limits, and loses nothing that it would have kept itself.
/// </para>
/// <para>
/// If there is no log, everything allocated is taken over. If the log was closed in order, blocks of data that it doesn't
/// know were written by overlaybd since, and are taken over, too. If it was not, they are what no flush confirmed before
/// a crash, and are given up: so open an upper here once after a crash before another program writes to it.
/// </para>
/// </remarks>
public sealed class SparseUpper : LoggedUpper
{
    /// <summary>In the user tag of the log.</summary>
    private const string ClosedTag = "closed";

    private SparseUpper(IUpperFile data, IUpperFile log, LsmtHeader header, UpperState state, PendingFile? pending)
        : base(data, log, header, state, pending)
    {
    }

    private protected override long ZeroedPlace => HeaderSectors;

    private protected override bool InPlace => true;

    /// <summary>Makes the files of an empty upper, durable when it returns.</summary>
    /// <param name="header">By <see cref="LsmtHeader.ForData"/>, sparse.</param>
    /// <exception cref="SluiceException">A file exists or can't be made.</exception>
    public static SparseUpper Create(string dataPath, string logPath, LsmtHeader header) =>
        UpperPaths.Create(dataPath, logPath, (data, log) => Create(data, log, header));

    /// <summary>Opens what was made before, by us or by overlaybd (then the log is made).</summary>
    /// <exception cref="InvalidFormatException">Other files, or damaged ones.</exception>
    /// <exception cref="SluiceException">A file can't be opened, read or written.</exception>
    public static SparseUpper Open(string dataPath, string logPath) => UpperPaths.Open(dataPath, logPath, FileMode.OpenOrCreate, (data, log) => Open(data, log));

    internal static SparseUpper Create(IUpperFile data, IUpperFile log, LsmtHeader header, PendingFile? pending = null)
    {
        UpperHeaders.Write(data, header);
        UpperHeaders.Check(data.SetLength(LsmtHeader.Size + header.VirtualSize), "the data can't be made");
        UpperHeaders.Check(data.Sync(), "the data can't be synced");
        UpperHeaders.WriteLog(log, header, pending?.Begin(header.Uuid, LsmtHeader.Size) ?? "");
        return new SparseUpper(data, log, header, new UpperState(), pending);
    }

    internal static SparseUpper Open(IUpperFile data, IUpperFile log, PendingFile? pending = null, bool sealedToo = false)
    {
        LsmtHeader header = UpperHeaders.ReadData(data, sparse: true);
        var state = new UpperState();
        if (UpperHeaders.Length(log) < LsmtHeader.Size)
        {
            SparseAdoption.TakeAll(data, log, state);
        }
        else
        {
            LsmtHeader tagged = UpperHeaders.ReadLog(log, header);
            state = UpperState.Replay(log, UpperHeaders.Length(data));
            if (tagged.UserTag == SealedTag)
            {
                if (!sealedToo) throw UpperHeaders.Sealed(header);
                pending?.Delete();
                pending?.Dispose();
                return new SparseUpper(data, log, header, state, null) { IsSealed = true };
            }

            if (pending is not null) state.TakeOver(data, log, pending.Read(header.Uuid, tagged.UserTag, state.LogEnd));
            if (UpperHeaders.Length(log) > state.LogEnd) UpperHeaders.Check(log.SetLength(state.LogEnd), "the log's torn end can't be cut");
            if (tagged.UserTag == ClosedTag) SparseAdoption.TakeUnknown(data, log, state);
            else SparseAdoption.DropUnknown(data, state);
        }

        UpperHeaders.WriteLog(log, header, pending?.Begin(header.Uuid, state.LogEnd) ?? "");
        return new SparseUpper(data, log, header, state, pending);
    }

    /// <inheritdoc/>
    /// <remarks>It freezes as it is: nothing is copied, and the log, which is needed to read it, says so in its user tag.</remarks>
    public override UpperError Seal() => WhenFlushed(Freeze);

    private protected override long Place(long sector) => sector + HeaderSectors;

    private protected override void Placed(long mapped, int count)
    {
    }

    private protected override UpperError Release(long sector, int count) => Data.Punch((sector + HeaderSectors) * SectorSize, (long)count * SectorSize);

    private protected override void Close()
    {
        // If it fails, the next one to open finds an upper that was not closed.
        _ = Tag(ClosedTag);
    }
}
