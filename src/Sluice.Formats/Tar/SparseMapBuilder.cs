namespace Sluice.Formats.Tar;

/// <summary>Collects the runs of a sparse file and proves that they are sorted, disjoint and within the file.</summary>
internal sealed class SparseMapBuilder
{
    private readonly List<SparseRun> _runs = [];
    private int _given;
    private long _end;
    private long _stored;

    /// <summary>Runs added so far, empty ones included.</summary>
    public int Count => _given;

    public void Add(long runOffset, long length, long errorOffset)
    {
        if (++_given > TarLimits.SparseRuns) throw TarError.At(errorOffset, $"a sparse map has more than {TarLimits.SparseRuns} runs");
        if (runOffset < 0 || length < 0 || runOffset > TarLimits.Size || length > TarLimits.Size - runOffset)
        {
            throw TarError.At(errorOffset, "a run of a sparse map is out of range");
        }

        if (runOffset < _end) throw TarError.At(errorOffset, "the runs of a sparse map overlap or are not sorted");
        _end = runOffset + length;
        if (length == 0) return;
        _stored += length;
        _runs.Add(new SparseRun(runOffset, length));
    }

    /// <param name="size">Size of the file with its holes.</param>
    /// <param name="stored">Bytes of content that the archive holds.</param>
    /// <param name="errorOffset">Where the header is, for errors.</param>
    public IReadOnlyList<SparseRun> Build(long size, long stored, long errorOffset)
    {
        if (_end > size) throw TarError.At(errorOffset, $"a sparse map reaches to byte {_end} of a file of {size} bytes");
        if (_stored != stored) throw TarError.At(errorOffset, $"a sparse map describes {_stored} bytes of data, the archive holds {stored}");
        return _runs;
    }
}
