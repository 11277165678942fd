namespace Sluice.Formats.Tar;

/// <summary>
/// The <c>GNU.sparse.*</c> records of an entry (GNU tar manual, "Storing Sparse Files"). Format 0.0 repeats
/// <c>offset</c> and <c>numbytes</c>, 0.1 has all in <c>map</c>, 1.0 puts the map in front of the content.
/// </summary>
internal sealed class SparseRecords
{
    private long? _major;
    private long? _minor;
    private long? _runCount;
    private long? _pendingOffset;
    private SparseMapBuilder? _map;

    /// <summary>Whether the entry is sparse.</summary>
    public bool Any { get; private set; }

    /// <summary>Size of the file with its holes.</summary>
    public long? Size { get; private set; }

    public void Clear()
    {
        Any = false;
        Size = _major = _minor = _runCount = _pendingOffset = null;
        _map = null;
    }

    /// <param name="key">The key without its <c>GNU.sparse.</c>.</param>
    /// <param name="value">The record's value.</param>
    /// <param name="offset">Where the record is, for errors.</param>
    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long offset)
    {
        Any = true;
        if (key.SequenceEqual("map"u8)) ReadMap(value, offset);
        else if (key.SequenceEqual("size"u8) || key.SequenceEqual("realsize"u8)) Size = Number(value, offset);
        else if (key.SequenceEqual("major"u8)) _major = Number(value, offset);
        else if (key.SequenceEqual("minor"u8)) _minor = Number(value, offset);
        else if (key.SequenceEqual("numblocks"u8)) _runCount = Number(value, offset);
        else if (key.SequenceEqual("offset"u8)) _pendingOffset = Number(value, offset);
        else if (key.SequenceEqual("numbytes"u8)) AddRun(Number(value, offset), offset);
    }

    /// <summary>True when the map stands in front of the content (format 1.0). Throws on formats that nobody knows.</summary>
    public bool MapIsInContent(long offset) => (_major ?? 0, _minor ?? 0) switch
    {
        (0, 0 or 1) => false,
        (1, 0) => true,
        _ => throw TarError.At(offset, $"unknown sparse format {_major}.{_minor}"),
    };

    public SparseMapBuilder TakeMap(long offset)
    {
        if (_pendingOffset is not null) throw TarError.At(offset, "a run of a sparse map has an offset but no length");
        SparseMapBuilder map = _map ?? new SparseMapBuilder();
        if (_runCount is { } count && count != map.Count) throw TarError.At(offset, $"a sparse map has {map.Count} runs, {count} were announced");
        return map;
    }

    private void AddRun(long length, long offset)
    {
        if (_pendingOffset is not { } start) throw TarError.At(offset, "a run of a sparse map has a length but no offset");
        _map ??= new SparseMapBuilder();
        _map.Add(start, length, offset);
        _pendingOffset = null;
    }

    private void ReadMap(ReadOnlySpan<byte> value, long offset)
    {
        _map = new SparseMapBuilder();
        _pendingOffset = null;
        foreach (Range part in value.Split((byte)','))
        {
            long number = Number(value[part], offset);
            if (_pendingOffset is null) _pendingOffset = number;
            else AddRun(number, offset);
        }
    }

    private static long Number(ReadOnlySpan<byte> text, long offset) =>
        PaxNumber.TryParse(text, out long number) ? number : throw TarError.At(offset, "a number of a sparse file's records is malformed");
}
