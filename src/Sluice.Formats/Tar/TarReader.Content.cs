using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

public sealed partial class TarReader
{
    private const string Content = "the content of a file";

    private IReadOnlyList<SparseRun>? _runs;
    private int _nextRun;
    private long _size;
    private long _dataAhead;
    private long _holeAhead;
    private long _storedAhead;
    private int _padding;

    /// <summary>How much of the current file has been read or skipped, in bytes of the file.</summary>
    public long ContentPosition { get; private set; }

    /// <summary>
    /// Bytes of the hole that the current file has at <see cref="ContentPosition"/>; 0 before data and at the end. They need
    /// not be read: <see cref="SkipContent"/> passes them at no cost.
    /// </summary>
    public long HoleLength
    {
        get
        {
            EnterRun();
            return _holeAhead;
        }
    }

    /// <summary>
    /// Reads on in the current file; holes come out as zeros. Fills the buffer except at the end of the file, where it returns
    /// what is left and then 0.
    /// </summary>
    public int ReadContent(Span<byte> buffer)
    {
        int filled = 0;
        while (filled < buffer.Length && ContentPosition < _size)
        {
            EnterRun();
            bool hole = _holeAhead > 0;
            var count = (int)Math.Min(hole ? _holeAhead : _dataAhead, buffer.Length - filled);
            Span<byte> target = buffer.Slice(filled, count);
            if (hole) target.Clear();
            else _input.ReadExactly(target, Content);
            Advance(count, hole);
            filled += count;
        }

        return filled;
    }

    /// <summary>Passes over up to <paramref name="count"/> bytes of the current file; returns how many, less than asked only at its end.</summary>
    public long SkipContent(long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        long skipped = 0;
        while (skipped < count && ContentPosition < _size)
        {
            EnterRun();
            bool hole = _holeAhead > 0;
            long step = Math.Min(hole ? _holeAhead : _dataAhead, count - skipped);
            if (!hole) _input.Skip(step, Content);
            Advance(step, hole);
            skipped += step;
        }

        return skipped;
    }

    private void Advance(long count, bool hole)
    {
        ContentPosition += count;
        if (hole)
        {
            _holeAhead -= count;
        }
        else
        {
            _dataAhead -= count;
            _storedAhead -= count;
        }
    }

    /// <summary>At the end of a run: what comes next, a hole, data or both in this order.</summary>
    private void EnterRun()
    {
        if (_holeAhead > 0 || _dataAhead > 0 || _runs is null) return;
        if (_nextRun < _runs.Count)
        {
            SparseRun run = _runs[_nextRun++];
            _holeAhead = run.Offset - ContentPosition;
            _dataAhead = run.Length;
        }
        else
        {
            _holeAhead = _size - ContentPosition;
        }
    }

    private void SkipStored()
    {
        _input.Skip(_storedAhead, Content);
        _input.SkipPadding(_padding);
        ResetContent();
    }

    private void ResetContent()
    {
        _runs = null;
        _nextRun = _padding = 0;
        _size = _dataAhead = _holeAhead = _storedAhead = ContentPosition = 0;
    }

    /// <summary>Prepares for the content of an entry; returns the size of the file.</summary>
    private long BeginContent(in TarHeader header, TarEntryType type, FileName path, out IReadOnlyList<SparseRun>? sparseMap)
    {
        sparseMap = null;
        DataOffset = _input.Position;
        if (type != TarEntryType.Regular)
        {
            // Only these two are known to have content that isn't a file's. For the rest the size means something else (the
            // size of a hard link's file, a hint for a directory) and nothing follows.
            if (header.Type is TarTypeFlag.GnuDumpDirectory or TarTypeFlag.OldRegular) SetStored(StoredSize(header));
            return 0;
        }

        long stored = StoredSize(header);
        long offset = header.Offset;
        long size = stored;
        if (header.Type == TarTypeFlag.GnuSparse) size = ReadOldSparseMap(header, stored, out sparseMap);
        else if (_overrides.Sparse.Any) size = ReadPaxSparseMap(offset, path, ref stored, out sparseMap);
        SetStored(stored);
        _size = size;
        _runs = sparseMap;
        if (sparseMap is null) _dataAhead = size;
        return size;
    }

    private void SetStored(long stored)
    {
        _storedAhead = stored;
        _padding = TarLayout.Padding(stored);
        DataOffset = _input.Position;
    }
}
