using Sluice.Storage.Cache;

namespace Sluice.Storage.Traces;

/// <summary>Which chunks of one blob were read since a recorder began.</summary>
internal sealed class BlobTouches(TraceRecorder recorder, int count)
{
    private readonly ulong[] _bits = new ulong[(count + 63) / 64];

    public TraceRecorder Recorder => recorder;

    public bool Has(int number) => number < count && (Volatile.Read(ref _bits[number >> 6]) & (1UL << number)) != 0;

    /// <summary>A range of blob space is read.</summary>
    public void Touch(IBlobFormat format, long offset, int length, bool wasHere)
    {
        for (int slot = format.Find(offset); slot < format.Count; slot++)
        {
            ChunkExtent chunk = format.GetExtent(slot);
            if (chunk.Offset >= offset + length) return;
            if (chunk.Number >= count || Has(chunk.Number)) continue;
            ulong bit = 1UL << chunk.Number;
            if ((Interlocked.Or(ref _bits[chunk.Number >> 6], bit) & bit) == 0) recorder.Note(format.Blob, chunk, wasHere);
        }
    }
}
