using Sluice.Formats.Trees;

namespace Sluice.Formats.Tar;

/// <summary>
/// Writes a tar archive: ustar, with a PAX header before entries that ustar can't hold (long names, large ids and sizes,
/// times before 1970 or with fractions, extended attributes, sparse files). The same calls give the same bytes.
/// </summary>
/// <remarks>
/// Order of calls: <see cref="WriteEntry(TarEntry)"/>, then exactly the entry's content by <see cref="WriteContent"/> in
/// pieces of any size, and so on; <see cref="Finish"/> at the end. Disposing without <see cref="Finish"/> leaves an
/// archive without an end, as is right after an error. Not thread-safe.
/// </remarks>
public sealed partial class TarWriter(Stream stream, bool leaveOpen = false) : IDisposable
{
    private readonly TarOutput _output = new(stream);
    private readonly PaxRecordWriter _pax = new();
    private long _contentAhead;
    private int _padding;
    private bool _finished;

    /// <summary>Bytes of the archive so far.</summary>
    public long Position => _output.Position;

    /// <summary>
    /// Begins an entry. A regular file's content must follow: <see cref="TarEntry.Size"/> bytes, or with a
    /// <see cref="TarEntry.SparseMap"/> only the bytes of its runs, one after another.
    /// </summary>
    /// <exception cref="ArgumentException">The entry can't be: a path that isn't normal, a name with NUL, a sparse map out of order …</exception>
    /// <exception cref="InvalidOperationException">The content of the entry before is incomplete, or the archive is finished.</exception>
    public void WriteEntry(TarEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        ObjectDisposedException.ThrowIf(_finished, this);
        EndContent();
        CheckEntry(entry);

        _contentAhead = StoredSize(entry);
        byte[]? map = entry.SparseMap is null ? null : FormatSparseMap(entry.SparseMap, entry.Size);
        long size = _contentAhead + (map?.Length ?? 0);
        _padding = TarLayout.Padding(_contentAhead);

        Span<byte> block = stackalloc byte[TarLayout.BlockSize];
        _pax.Clear();
        FillHeader(entry, size, block);
        if (!_pax.Records.IsEmpty) WritePaxHeader(entry.Path.Bytes);
        block.CopyTo(_output.NextBlock());
        if (map is not null) _output.Write(map);
    }

    /// <summary>Writes an entry with its whole content.</summary>
    public void WriteEntry(TarEntry entry, ReadOnlySpan<byte> content)
    {
        WriteEntry(entry);
        WriteContent(content);
        EndContent();
    }

    /// <summary>Writes an entry with its whole content, which the stream must hold at least.</summary>
    /// <exception cref="EndOfStreamException">The stream ended before the content was complete.</exception>
    public void WriteEntry(TarEntry entry, Stream content)
    {
        ArgumentNullException.ThrowIfNull(content);
        WriteEntry(entry);
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent((int)Math.Clamp(_contentAhead, 1, 1 << 20));
        try
        {
            while (_contentAhead > 0)
            {
                int count = (int)Math.Min(_contentAhead, buffer.Length);
                content.ReadExactly(buffer, 0, count);
                WriteContent(buffer.AsSpan(0, count));
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <exception cref="InvalidOperationException">More than the entry's size.</exception>
    public void WriteContent(ReadOnlySpan<byte> content)
    {
        if (content.Length > _contentAhead) throw new InvalidOperationException($"{content.Length} bytes of content where only {_contentAhead} are left");
        _output.Write(content);
        _contentAhead -= content.Length;
    }

    /// <summary>Writes the end of the archive and flushes.</summary>
    public void Finish()
    {
        if (_finished) return;
        EndContent();
        _output.WriteZeros(2 * TarLayout.BlockSize);
        _output.Flush();
        stream.Flush();
        _finished = true;
    }

    public void Dispose()
    {
        if (!leaveOpen) stream.Dispose();
    }

    private void EndContent()
    {
        if (_contentAhead > 0) throw new InvalidOperationException($"the entry lacks {_contentAhead} bytes of its content");
        _output.WriteZeros(_padding);
        _padding = 0;
    }

    private static long StoredSize(TarEntry entry)
    {
        if (entry.SparseMap is null) return entry.Size;
        long stored = 0;
        foreach (SparseRun run in entry.SparseMap) stored += run.Length;
        return stored;
    }
}
