using Sluice.Storage.Cache;

namespace Sluice.Storage.Traces;

/// <summary>Which chunks of one blob were read since a recorder began.</summary>
internal sealed class BlobTouches(TraceRecorder recorder, int count)
{
    private readonly ulong[] _bits = new ulong[(count + 63) / 64];

    public TraceRecorder Recorder => recorder;

    public bool Has(int number) => number < count && (Volatile.Read(ref _bits[number >> 6]) & (1UL << number)) != 0;

    /// <summary>A range of blob space is read, and is here. Chunks that were read before cost a look at their bits.</summary>
    public void Touch(IBlobFormat format, long offset, int length) => Touch(format, offset, length, missing: null);

    /// <summary>A range of blob space is read, and has to be waited for.</summary>
    /// <returns>What was noted of it: whose waits the recorder is told when they are over.</returns>
    public List<int> TouchMissing(IBlobFormat format, long offset, int length)
    {
        List<int> noted = [];
        Touch(format, offset, length, noted);
        return noted;
    }

    private void Touch(IBlobFormat format, long offset, int length, List<int>? missing)
    {
        long end = offset + length;
        for (int slot = format.Find(offset); slot < format.Count; slot++)
        {
            ChunkExtent chunk = format.GetExtent(slot);
            if (chunk.Offset < end && chunk.Number < count && !Has(chunk.Number)) Note(format, chunk, missing);
            if (chunk.End >= end) return;
        }
    }

    private void Note(IBlobFormat format, ChunkExtent chunk, List<int>? missing)
    {
        ulong bit = 1UL << chunk.Number;
        if ((Interlocked.Or(ref _bits[chunk.Number >> 6], bit) & bit) == 0 && recorder.Note(format.Blob, chunk, missing is null) is { } index) missing?.Add(index);
    }
}
