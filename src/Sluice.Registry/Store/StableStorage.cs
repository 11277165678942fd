using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Registry.Store;

/// <summary>File changes that are complete or absent after a crash, and stay after they return.</summary>
/// <param name="durable">False leaves out fsync: then only a crash of the process is survived, not one of the machine.</param>
/// <param name="afterStep">Told the name of each step that changed the disk, or null.</param>
internal sealed partial class StableStorage(bool durable, Action<string>? afterStep)
{
    private const int ReadOnlyDirectory = 0x10000 /* O_DIRECTORY */ | 0x80000 /* O_CLOEXEC */;

    /// <summary>Creates a directory with its parents.</summary>
    public void CreateDirectory(string path)
    {
        if (Directory.Exists(path)) return;
        string? parent = Path.GetDirectoryName(path);
        if (!string.IsNullOrEmpty(parent)) CreateDirectory(parent);
        Directory.CreateDirectory(path);
        if (!string.IsNullOrEmpty(parent)) FlushDirectory(parent);
        afterStep?.Invoke("directory created");
    }

    /// <summary>Creates an empty file if there is none.</summary>
    public void Touch(string path)
    {
        if (File.Exists(path)) return;
        CreateDirectory(Path.GetDirectoryName(path)!);
        File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite).Dispose();
        FlushDirectory(Path.GetDirectoryName(path)!);
        afterStep?.Invoke("link made");
    }

    /// <summary>Writes a small file, replacing what was there.</summary>
    /// <param name="unfinished">Where it is while it is being written, in the same file system.</param>
    public void Write(string path, string unfinished, ReadOnlySpan<byte> content)
    {
        CreateDirectory(Path.GetDirectoryName(unfinished)!);
        using (SafeFileHandle file = File.OpenHandle(unfinished, FileMode.Create, FileAccess.Write))
        {
            RandomAccess.Write(file, content, 0);
            Flush(file);
        }

        afterStep?.Invoke("small file written");
        Publish(unfinished, path);
    }

    /// <summary>Gives a file whose bytes were flushed its final name, replacing what was there.</summary>
    public void Publish(string unfinished, string path)
    {
        CreateDirectory(Path.GetDirectoryName(path)!);
        File.Move(unfinished, path, overwrite: true);
        FlushDirectory(Path.GetDirectoryName(path)!);
        afterStep?.Invoke("file published");
    }

    /// <returns>False if there was none.</returns>
    public bool Delete(string path)
    {
        if (!File.Exists(path)) return false;
        File.Delete(path);
        FlushDirectory(Path.GetDirectoryName(path)!);
        afterStep?.Invoke("file deleted");
        return true;
    }

    public void Flush(SafeFileHandle file)
    {
        if (durable) RandomAccess.FlushToDisk(file);
    }

    /// <summary>The runtime can't open directories, so that their entries could be flushed.</summary>
    private void FlushDirectory(string path)
    {
        if (!durable) return;
        using SafeFileHandle directory = Open(path, ReadOnlyDirectory);
        if (directory.IsInvalid) throw new IOException($"{path}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
        RandomAccess.FlushToDisk(directory);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);
}
