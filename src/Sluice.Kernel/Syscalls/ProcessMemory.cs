namespace Sluice.Kernel.Syscalls;

/// <summary>Memory that this process has and does not need.</summary>
public static class ProcessMemory
{
    /// <summary>
    /// Gives back what is free, of the managed heap and of malloc's: tables of images are native memory, and malloc keeps what was freed in
    /// whichever thread's arena it was (malloc_trim(3); a libc without it does without). Takes some ten milliseconds, in which nothing managed runs.
    /// </summary>
    public static void Trim()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
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
