using System.Collections.Concurrent;
using Sluice.Formats.Oci;
using Sluice.Storage.Cache;

namespace Sluice.Storage.Traces;

/// <summary>Which source brought which chunks of an image, from its pull, or its mount, to the end of its start: a byte a chunk, of blobs of which something came. All members may be called concurrently.</summary>
public sealed class ChunkOrigins
{
    private readonly ConcurrentDictionary<Digest, byte[]> _blobs = []; // by the number of the chunk: 0, or one more than the source's index
    private readonly List<string> _sources = [];

    /// <summary>What brought a chunk; null: nothing did, it was in the cache before.</summary>
    public string? Of(Digest blob, int number)
    {
        if (!_blobs.TryGetValue(blob, out byte[]? origins) || number >= origins.Length || origins[number] == 0) return null;
        lock (_sources) return _sources[origins[number] - 1];
    }

    internal void Came(IBlobFormat format, int number, string source)
    {
        byte[] origins = _blobs.GetOrAdd(format.Blob, static (_, count) => new byte[count], format.NumberCount);
        if (number < origins.Length) origins[number] = IndexOf(source);
    }

    /// <summary>A place of which nobody knows any more than that it was one, if there are more than a byte can tell.</summary>
    private byte IndexOf(string source)
    {
        lock (_sources)
        {
            int index = _sources.IndexOf(source);
            if (index >= 0) return (byte)(index + 1);
            if (_sources.Count == byte.MaxValue) return byte.MaxValue;
            _sources.Add(_sources.Count == byte.MaxValue - 1 ? "others" : source);
            return (byte)_sources.Count;
        }
    }
}
