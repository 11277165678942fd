namespace Sluice.Kernel.Syscalls;

/// <summary>Memory that this process has and does not need.</summary>
public static class ProcessMemory
{
    /// <summary>
    /// Keeps malloc from making more arenas than two, or than there are already: for processes that live long, called before their threads are started. Each arena keeps what is free in its
    /// middle, and where memory is locked (<see cref="Fuse.MemoryLock"/>) it keeps that for good: the kernel refuses malloc_trim(3) its MADV_DONTNEED of locked pages. With the eight arenas a
    /// processor that are the default the daemon grew for hours.
    /// </summary>
    /// <remarks>
    /// Blocks of a mebibyte and more, as the buffers of reads, have memory of their own: by default malloc takes larger and larger ones from its arenas, once one was freed, and what lives long there keeps all that is below it.
    /// </remarks>
    public static void LimitArenas()
    {
        const int trimThreshold = -1, mmapThreshold = -3, large = 1 << 20, arenaMax = -8, arenas = 2;
        try
        {
            _ = Libc.SetHeapOption(arenaMax, arenas);
            _ = Libc.SetHeapOption(mmapThreshold, large);
            _ = Libc.SetHeapOption(trimThreshold, 2 * large); // as malloc has it by itself where the other follows what is freed
        }
        catch (EntryPointNotFoundException)
        {
            // Not glibc.
        }
    }

    /// <summary>
    /// Gives back what is free, of the managed heap and of malloc's: tables of images are native memory, and malloc keeps what was freed in
    /// whichever thread's arena it was (malloc_trim(3); a libc without it does without). Takes some ten milliseconds, in which nothing managed runs.
    /// </summary>
    public static void Trim()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers(); // what is native of dead images is freed here
        try
        {
            _ = Libc.TrimHeap(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Not glibc.
        }
    }
}
