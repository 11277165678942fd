using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Storage.Cache;

/// <summary>What the blob takes of the disk, and giving it back while the blob is in use.</summary>
public sealed partial class BlobCache
{
    /// <summary>What a file system may allocate beside the data without our looking for strays.</summary>
    private const long Slack = 1 << 20;

    private readonly Lock _evicting = new();
    private long _unknown; // bytes of present chunks that no open image has named
    private bool _accounted;

    /// <summary>True if the kernel may read the data by itself.</summary>
    internal bool IsHeld => _files?.IsHeld == true;

    /// <summary>
    /// Hands the data out for the kernel to read without us: a read-only descriptor of its own. From now on nothing of the blob is evicted, so the caller looks only afterwards
    /// whether everything is there. Null: not now.
    /// </summary>
    internal SafeFileHandle? HandOut()
    {
        if (_files is not { } files || !_evicting.TryEnter()) return null;
        try
        {
            if (HasFresh) Flush(); // nobody will ask on behalf of the kernel whether something was lost
            if (HasFresh) return null;
            if (!files.IsHeld)
            {
                if (!TryPay(SparseFile.BlockSize)) return null;
                if (!_context.Space.TryHold(PaddedLength))
                {
                    Charge(-SparseFile.BlockSize);
                    return null;
                }

                try
                {
                    files.Hold();
                }
                finally
                {
                    if (!files.IsHeld)
                    {
                        _context.Space.Hold(-PaddedLength);
                        Charge(-SparseFile.BlockSize);
                    }
                }
            }

            // Also when its name is gone.
            return File.OpenHandle($"/proc/self/fd/{files.Data.DangerousGetHandle()}", FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            Log($"can't hand out the complete file: {e.Message}");
            return null;
        }
        finally
        {
            _evicting.Exit();
        }
    }

    /// <summary>Charges for chunks that an earlier process has left and that <see cref="Identities"/> name. To be called whenever these have grown.</summary>
    internal void Account()
    {
        lock (_opening)
        {
            if (_files is { } files) Account(files);
        }
    }

    private void Account(BlobFiles files)
    {
        long named = 0;
        long unnamed = _present.Count;
        foreach (ref readonly ChunkIdentity chunk in Identities.All)
        {
            if (!_present[chunk.Number]) continue;
            unnamed--;
            if (_hasDigests) _context.Equal.Add(this, chunk.Number, chunk.Digest);
            if (!_occupied.Set(chunk.Number)) continue;
            _uses[chunk.Number] = ChunkUse.New(_context.Space.Now - (ChunkUse.HalfLife / 2));
            named += BlocksOf(chunk.Extent);
        }

        if (Identities.All.IsEmpty) return;
        if (_accounted)
        {
            long found = Math.Min(named, _unknown);
            _unknown -= found;
            Charge(named - found);
            return;
        }

        _accounted = true;
        PayForStoredPages();
        _unknown = Math.Max(SparseFile.AllocatedBytes(files.DataPath) - named, 0);
        if (unnamed <= 0 && _unknown > Slack && RemoveStrays(files)) _unknown = Math.Max(SparseFile.AllocatedBytes(files.DataPath) - named, 0);

        // At once: between two steps somebody else would take what is charged in neither.
        Charge(named + _unknown + FilesCost + (_paidPages.Count * PageCost) + (files.IsHeld ? SparseFile.BlockSize : 0) - Charged);
    }

    /// <summary>Chunks that could be evicted, which one that is being written can't, with their ages: <paramref name="add"/> is called with the age and the bytes of each.</summary>
    /// <returns>False: nothing of the blob can be evicted.</returns>
    internal bool ListAges(Action<int, long> add)
    {
        if (_files is not { IsHeld: false }) return false;
        uint now = _context.Space.Now;
        foreach (ref readonly ChunkIdentity chunk in Identities.All)
            if (_occupied[chunk.Number] && !_busy[chunk.Number]) add(AgeOf(chunk.Number, now), BlocksOf(chunk.Extent));
        return true;
    }

    /// <summary>Evicts chunks of at least an age.</summary>
    /// <param name="age">All chunks that are older go.</param>
    /// <param name="budget">Bytes of chunks of exactly this age that go, too.</param>
    /// <returns>Bytes of the disk that were given back.</returns>
    internal long Evict(int age, ref long budget)
    {
        if (!_evicting.TryEnter()) return 0; // it is being handed out
        try
        {
            if (_closed || _files is not { IsHeld: false } files) return 0;
            uint now = _context.Space.Now;
            List<(ChunkIdentity Chunk, bool Present, bool Verified)> victims = [];
            lock (_repair)
            {
                foreach (ref readonly ChunkIdentity chunk in Identities.All)
                {
                    if (!_occupied[chunk.Number]) continue;
                    int its = AgeOf(chunk.Number, now);
                    if (its < age || (its == age && budget <= 0) || !_busy.Set(chunk.Number)) continue;
                    if (its == age) budget -= BlocksOf(chunk.Extent);
                    victims.Add((chunk, _present[chunk.Number], _verified.Clear(chunk.Number)));
                    _present.Clear(chunk.Number);
                }

                if (victims.Count == 0) return 0;
                Interlocked.Increment(ref _generation); // after the bits, before the holes: see the remarks of the class
            }

            return Punch(files, victims);
        }
        finally
        {
            _evicting.Exit();
        }
    }

    /// <summary>Makes holes of chunks whose bits are cleared and that are ours.</summary>
    private long Punch(BlobFiles files, List<(ChunkIdentity Chunk, bool Present, bool Verified)> victims)
    {
        int losses = Volatile.Read(ref _losses);
        int done = 0;
        long bytes = 0;
        try
        {
            // The map must not name a hole, whenever the machine stops.
            foreach ((ChunkIdentity chunk, _, _) in victims) MarkDirty(chunk.Number);
            lock (_flushing)
            {
                WriteDirtyPages(files);
                files.Map.Sync();
            }

            ReadOnlySpan<ChunkIdentity> all = Identities.All;
            while (done < victims.Count)
            {
                int next = done + 1;
                while (next < victims.Count && IsNext(all, victims[next - 1].Chunk, victims[next].Chunk)) next++;
                long start = victims[done].Chunk.Offset;
                SparseFile.Punch(files.Data, start, PunchEnd(all, victims[next - 1].Chunk) - start);
                for (; done < next; done++)
                    if (_occupied.Clear(victims[done].Chunk.Number)) bytes += BlocksOf(victims[done].Chunk.Extent);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            Log($"can't evict: {e.Message}");
            Restore(victims, done, losses);
        }
        finally
        {
            Settle(files, bytes);
            foreach ((ChunkIdentity chunk, _, _) in victims) _busy.Clear(chunk.Number);
        }

        _context.Totals.Evicted(done, bytes);
        return bytes;
    }

    /// <summary>What was not punched is as it was.</summary>
    private void Restore(List<(ChunkIdentity Chunk, bool Present, bool Verified)> victims, int from, int losses)
    {
        lock (_repair)
        {
            foreach ((ChunkIdentity chunk, bool present, bool verified) in victims.Skip(from))
            {
                if (!present || losses != _losses) continue;
                _present.Set(chunk.Number);
                if (verified) _verified.Set(chunk.Number);
                MarkDirty(chunk.Number);
            }
        }
    }

    /// <summary>True if nothing that anybody named lies between two chunks.</summary>
    private static bool IsNext(ReadOnlySpan<ChunkIdentity> all, in ChunkIdentity before, in ChunkIdentity chunk) =>
        ChunkIdentities.Find(all, before.Number) + 1 is var place && place < all.Length && all[place].Number == chunk.Number;

    /// <summary>The end of a chunk's last block, if that has nothing of the next chunk.</summary>
    private long PunchEnd(ReadOnlySpan<ChunkIdentity> all, in ChunkIdentity chunk)
    {
        int next = ChunkIdentities.Find(all, chunk.Number) + 1;
        long limit = next < all.Length ? all[next].Offset : PaddedLength;
        return Math.Min((chunk.Extent.End + SparseFile.BlockSize - 1) & -SparseFile.BlockSize, limit);
    }

    /// <summary>Gives back what a killed process had written and not recorded.</summary>
    private bool RemoveStrays(BlobFiles files)
    {
        if (files.IsHeld) return false;
        try
        {
            long position = 0;
            foreach (ref readonly ChunkIdentity chunk in Identities.All)
            {
                if (!_present[chunk.Number]) continue;
                PunchBlocks(position, chunk.Offset & -SparseFile.BlockSize);
                position = (chunk.Extent.End + SparseFile.BlockSize - 1) & -SparseFile.BlockSize;
            }

            PunchBlocks(position, PaddedLength);
            return true;
        }
        catch (IOException e)
        {
            Log($"can't give back what a killed process has left: {e.Message}");
            return false;
        }

        void PunchBlocks(long start, long end)
        {
            if (end > start) SparseFile.Punch(files.Data, start, end - start);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int AgeOf(int number, uint now) => _present[number] ? ChunkUse.Age(_uses[number], now) : ChunkUse.AgeLimit - 1;

    /// <summary>Bytes of the blocks that a chunk lies in.</summary>
    private static long BlocksOf(ChunkExtent extent) =>
        ((extent.End + SparseFile.BlockSize - 1) & -SparseFile.BlockSize) - (extent.Offset & -SparseFile.BlockSize);
}
