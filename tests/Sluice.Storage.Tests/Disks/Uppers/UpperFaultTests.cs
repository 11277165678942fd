using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Storage.Disks.Uppers;

namespace Sluice.Storage.Tests.Disks.Uppers;

public sealed class UpperFaultTests
{
    private readonly FileImage[] _images = [new(), new()];
    private readonly List<FileOperation> _journal = [];
    private readonly RecordingFile _data;
    private readonly RecordingFile _log;
    private readonly AppendUpper _upper;

    public UpperFaultTests()
    {
        (_data, _log) = (new(0, _images[0], _journal), new(1, _images[1], _journal));
        _upper = AppendUpper.Create(_data, _log, LsmtHeader.ForData(1 << 20, "33333333-3333-3333-3333-333333333333", LsmtHeader.NoUuid));
        Assert.Equal(UpperError.None, _upper.Write(0, SectorModel.Fill(8, 1)));
        Assert.Equal(UpperError.None, _upper.Flush());
    }

    [Fact]
    public void A_full_disk_fails_one_write()
    {
        _data.NextWrite = UpperError.NoSpace;
        Assert.Equal(UpperError.NoSpace, _upper.Write(0, SectorModel.Fill(8, 2)));
        Assert.All(SectorModel.Read(_upper, 8), sector => Assert.Equal(1, sector));
        Assert.Equal(UpperError.None, _upper.Write(0, SectorModel.Fill(4, 3)));
        AssertDurable([3, 3, 3, 3, 1, 1, 1, 1]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_failed_log_is_written_again(bool write)
    {
        Assert.Equal(UpperError.None, _upper.Write(0, SectorModel.Fill(4, 2)));
        if (write) _log.NextWrite = UpperError.NoSpace;
        else _log.NextSync = UpperError.InputOutput;
        Assert.NotEqual(UpperError.None, _upper.Flush());
        Assert.Equal(UpperError.None, _upper.Write(2048, SectorModel.Fill(2, 3)));
        AssertDurable([2, 2, 2, 2, 3, 3, 1, 1]);
    }

    [Fact]
    public void A_failed_sync_of_data_is_final()
    {
        Assert.Equal(UpperError.None, _upper.Write(0, SectorModel.Fill(4, 2)));
        _data.NextSync = UpperError.InputOutput;
        Assert.Equal(UpperError.InputOutput, _upper.Flush());
        Assert.Equal(UpperError.InputOutput, _upper.Flush());
        Assert.Equal(UpperError.InputOutput, _upper.Write(0, SectorModel.Fill(4, 3)));
        Assert.Equal(2, SectorModel.Read(_upper, 8)[0]);
        using AppendUpper again = Reopen();
        Assert.All(SectorModel.Read(again, 8), sector => Assert.Equal(1, sector));
    }

    private void AssertDurable(int[] expected)
    {
        Assert.Equal(UpperError.None, _upper.Flush());
        using AppendUpper again = Reopen();
        Assert.Equal(expected, SectorModel.Read(again, 8));
    }

    private AppendUpper Reopen()
    {
        FileImage[] images = PowerCut.Take(_journal, _journal.Count, seed: 0);
        return AppendUpper.Open(new RecordingFile(0, images[0], []), new RecordingFile(1, images[1], []));
    }
}
