using Sluice.Formats.Oci;
using Sluice.Storage.Cache;

namespace Sluice.Storage.Traces;

/// <summary>
/// Notes the first read of each chunk of an image, of all its blobs. A read of chunks that are noted already costs a look at their bits. Memory is bounded: 48 bytes a chunk, of
/// <see cref="MaxReads"/> chunks, and a bit for each that there is. All members may be called concurrently.
/// </summary>
/// <param name="origins">Knows what brought the chunks; null: nobody does.</param>
public sealed class TraceRecorder(TimeProvider? time = null, ChunkOrigins? origins = null)
{
    /// <summary>More chunks than this are not noted: what reads so many of them is no start.</summary>
    public const int MaxReads = 1 << 15;

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _gate = new();
    private readonly List<Noted> _reads = new(capacity: 1024);
    private readonly Dictionary<Digest, BlobTouches> _blobs = [];
    private readonly long _began = (time ?? TimeProvider.System).GetTimestamp();
    private TimeSpan _last;
    private bool _isOver;

    /// <summary>Since it was made.</summary>
    public TimeSpan Age => _time.GetElapsedTime(_began);

    /// <summary>Since the last chunk was noted; null: none was.</summary>
    public TimeSpan? Idle
    {
        get
        {
            lock (_gate) return _reads.Count == 0 ? null : Age - _last;
        }
    }

    public bool IsFull
    {
        get
        {
            lock (_gate) return _reads.Count == MaxReads;
        }
    }

    /// <summary>What was noted so far; a read that still waits has waited until now.</summary>
    public IReadOnlyList<TraceRead> Reads()
    {
        lock (_gate)
        {
            TimeSpan now = Age;
            return [.. _reads.Select(read => read.ToRead(origins, now))];
        }
    }

    /// <summary>True if a chunk was read.</summary>
    public bool WasRead(Digest blob, int number)
    {
        lock (_gate) return _blobs.TryGetValue(blob, out BlobTouches? touches) && touches.Has(number);
    }

    /// <summary>Ends it: nothing is noted any more, and what was is forgotten here.</summary>
    public void End()
    {
        lock (_gate)
        {
            _isOver = true;
            _reads.Clear();
            _reads.TrimExcess();
            _blobs.Clear();
        }
    }

    internal BlobTouches Of(IBlobFormat format)
    {
        lock (_gate)
        {
            if (_blobs.TryGetValue(format.Blob, out BlobTouches? known)) return known;
            return _blobs[format.Blob] = new BlobTouches(this, format.NumberCount);
        }
    }

    /// <returns>What <see cref="Waited"/> calls it; null: nothing is noted any more.</returns>
    internal int? Note(Digest blob, ChunkExtent chunk, bool wasHere)
    {
        lock (_gate)
        {
            if (_isOver || _reads.Count == MaxReads) return null;
            _last = Age;
            _reads.Add(new Noted(blob, chunk, _last, wasHere, wasHere ? TimeSpan.Zero : null, wasHere));
            return _reads.Count - 1;
        }
    }

    /// <summary>The read that was noted as these has waited so long.</summary>
    /// <param name="came">It had its bytes then.</param>
    internal void Waited(List<int> noted, TimeSpan waited, bool came)
    {
        lock (_gate)
        {
            if (_isOver) return;
            foreach (int index in noted) _reads[index] = _reads[index] with { Waited = waited, Came = came };
        }
    }

    private readonly record struct Noted(Digest Blob, ChunkExtent Chunk, TimeSpan At, bool WasHere, TimeSpan? Waited, bool Came)
    {
        public TraceRead ToRead(ChunkOrigins? origins, TimeSpan now) =>
            new(Blob, Chunk.Offset, Chunk.Length, At, WasHere) { Waited = Waited ?? (now - At), Source = origins?.Of(Blob, Chunk.Number) ?? (Came ? null : TraceRead.SourceNotKnown) };
    }
}
