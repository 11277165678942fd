using Microsoft.Win32.SafeHandles;
using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Memory;

/// <summary>Reads files into the page cache before they are needed.</summary>
public static class FileReadAhead
{
    /// <summary>The kernel reads no more for one call than its disk takes at once, and forgets the rest without a word. Source: force_page_cache_ra in mm/readahead.c.</summary>
    private const int Step = 128 << 10;

    /// <summary>Asks for all of a file: posix_fadvise(2). Waits for the disk while its queue is full, and to learn where the file is. What is there already costs next to nothing; what can't be read is left.</summary>
    public static void Request(string path)
    {
        const int willNeed = 3;
        try
        {
            using SafeFileHandle file = File.OpenHandle(path);
            long length = RandomAccess.GetLength(file);
            for (long offset = 0; offset < length; offset += Step) _ = Libc.Advise(file, offset, Step, willNeed);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            // Whoever needs it reads it, or says why not.
        }
    }
}
