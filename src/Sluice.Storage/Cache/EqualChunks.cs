using System.Buffers.Binary;
using Sluice.Formats.Hashing;

namespace Sluice.Storage.Cache;

/// <summary>
/// Where chunks of a digest are stored, over all open blobs. Only a hint: whoever follows it finds the chunk gone or another one, and checks what it copies.
/// All members may be called concurrently.
/// </summary>
internal sealed class EqualChunks
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, (BlobCache Cache, int Number)> _places = [];

    /// <summary>A chunk is stored.</summary>
    public void Add(BlobCache cache, int number, in ChunkDigest digest)
    {
        if (!IsDigest(digest, out ulong key)) return;
        lock (_gate)
        {
            if (!_places.TryGetValue(key, out (BlobCache Cache, int Number) place) || !place.Cache.IsPresent(place.Number)) _places[key] = (cache, number);
        }
    }

    /// <summary>Another blob's chunk with this digest; null if there is none.</summary>
    public (BlobCache Cache, int Number)? Find(BlobCache seeker, in ChunkDigest digest)
    {
        if (!IsDigest(digest, out ulong key)) return null;
        lock (_gate)
        {
            return _places.TryGetValue(key, out (BlobCache Cache, int Number) place) && place.Cache != seeker && place.Cache.IsPresent(place.Number) ? place : null;
        }
    }

    /// <summary>A blob is closed.</summary>
    public void Remove(BlobCache cache)
    {
        lock (_gate)
        {
            foreach ((ulong key, (BlobCache Cache, int) place) in _places)
                if (place.Cache == cache) _places.Remove(key);
        }
    }

    /// <summary>False for what has only a CRC, in an otherwise empty digest.</summary>
    private static bool IsDigest(in ChunkDigest digest, out ulong key)
    {
        Span<byte> bytes = stackalloc byte[ChunkDigest.Size];
        digest.CopyTo(bytes);
        key = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        return bytes[sizeof(uint)..].ContainsAnyExcept((byte)0);
    }
}
