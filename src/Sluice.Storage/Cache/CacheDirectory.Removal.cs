using Sluice.Formats.Oci;

namespace Sluice.Storage.Cache;

/// <content>Giving space back.</content>
public sealed partial class CacheDirectory
{
    private const string RemovedPrefix = "removed-";
    private readonly Lock _deleting = new();

    /// <summary>
    /// Deletes the files of all blobs that are neither open nor in <paramref name="keep"/>. What can't be deleted is logged and tried
    /// again by the next call.
    /// </summary>
    /// <returns>How many caches were deleted.</returns>
    public int RemoveUnused(IReadOnlySet<Digest> keep)
    {
        int removed = 0;
        try
        {
            foreach (string algorithm in Directory.GetDirectories(_root).Where(path => !IsRemoved(path)))
            {
                foreach (string directory in Directory.GetDirectories(algorithm))
                {
                    string key = Path.GetRelativePath(_root, directory);
                    if (BlobOf(key) is { } blob && !keep.Contains(blob) && !IsImported(key) && Detach(key)) removed++;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _options.Log?.Invoke($"cache {_root}: can't delete what nothing uses: {e.Message}");
        }

        DeleteRemoved();
        return removed;
    }

    /// <returns>Bytes of the disk that were given back.</returns>
    private long DeleteRemoved()
    {
        long freed = 0;
        try
        {
            // One at a time: a second one would find the files gone whose blocks the first still gives back.
            lock (_deleting)
            {
                foreach (string path in Directory.GetDirectories(_root).Where(IsRemoved))
                {
                    Directory.Delete(path, recursive: true);
                    lock (_gate)
                    {
                        _removed.Remove(path, out long bytes);
                        _context.Space.Charge(-bytes);
                        freed += bytes;
                    }
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _options.Log?.Invoke($"cache {_root}: can't delete what nothing uses: {e.Message}");
        }

        return freed;
    }

    private static bool IsRemoved(string path) => Path.GetFileName(path).StartsWith(RemovedPrefix, StringComparison.Ordinal);

    /// <summary>The blob that a directory belongs to, also one that holds the chunks of an image of its own; null for what is not ours.</summary>
    private static Digest? BlobOf(string key)
    {
        string[] parts = key.Split('/', '-');
        return parts.Length is 2 or 3 && Digest.TryParse($"{parts[0]}:{parts[1]}", out Digest blob) ? blob : null;
    }

    /// <summary>Out of the way by a rename, so that opening other blobs does not wait for the deletion of gigabytes.</summary>
    private bool Detach(string key)
    {
        lock (_gate)
        {
            if (_disposed || _open.ContainsKey(key) || _inUse.ContainsKey(key)) return false;
            string path = Path.Combine(_root, key);
            string away = Path.Combine(_root, $"{RemovedPrefix}{Guid.NewGuid():n}");
            bool exists = Directory.Exists(path);
            if (exists) Directory.Move(path, away);
            _closed.Remove(key, out (long Bytes, long) closed);
            if (exists) _removed[away] = closed.Bytes; // given back when it is deleted
            else _context.Space.Charge(-closed.Bytes);
            return true;
        }
    }
}
