using System.Text;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Registry.Store;

/// <summary>A registry's directory: content that all repositories share, and the repositories. Safe to use concurrently.</summary>
internal sealed class RegistryStore : IDisposable
{
    /// <summary><c>EWOULDBLOCK</c>: the file is locked.</summary>
    private const int WouldBlock = 11;

    private readonly FileStream _lock;

    private RegistryStore(RegistryLayout layout, StableStorage storage, FileStream held)
    {
        Layout = layout;
        Storage = storage;
        _lock = held;
        Uploads = new UploadStore(this);
    }

    public RegistryLayout Layout { get; }

    public StableStorage Storage { get; }

    public UploadStore Uploads { get; }

    /// <summary>Takes the directory for this process and removes leftovers.</summary>
    public static RegistryStore Open(RegistryOptions options)
    {
        RegistryLayout layout = new(Path.GetFullPath(options.Directory));
        StableStorage storage = new(options.Durable, options.AfterStep);
        try
        {
            storage.CreateDirectory(layout.Root);
            RegistryStore store = new(layout, storage, TakeLock(layout));
            try
            {
                Sweep.Run(store, options.Time);
                return store;
            }
            catch
            {
                store.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(SluiceError.Disk, layout.Root, $"can't be used as a registry: {e.Message}", inner: e);
        }
    }

    public Repository Repository(string name) => new(this, name);

    /// <summary>Names of all repositories that ever had a manifest, in ordinal order.</summary>
    public List<string> RepositoryNames()
    {
        List<string> names = [];
        if (Directory.Exists(Layout.RepositoriesRoot)) Collect(Layout.RepositoriesRoot, "", names);
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <summary>Every repository directory, with or without manifests.</summary>
    public IEnumerable<string> RepositoryDirectories() =>
        Directory.Exists(Layout.RepositoriesRoot)
            ? Directory.EnumerateDirectories(Layout.RepositoriesRoot, "*", SearchOption.AllDirectories)
                .Where(path => Path.GetFileName(path).StartsWith('_'))
                .Select(path => Path.GetDirectoryName(path)!)
                .Distinct(StringComparer.Ordinal)
            : [];

    /// <summary>Opens content for reading; null if it is not there.</summary>
    public SafeFileHandle? OpenContent(Digest digest)
    {
        string path = Layout.Content(digest);
        if (!File.Exists(path)) return null;
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Size of content in bytes, or -1 if it is not there.</summary>
    public long ContentLength(Digest digest)
    {
        FileInfo file = new(Layout.Content(digest));
        return file.Exists ? file.Length : -1;
    }

    /// <summary>Makes a verified and flushed file the content of <paramref name="digest"/>; removes it if that is already here.</summary>
    public void Adopt(string path, Digest digest)
    {
        string target = Layout.Content(digest);
        FileInfo existing = new(target);
        if (existing.Exists && existing.Length == new FileInfo(path).Length) File.Delete(path);
        else Storage.Publish(path, target);
    }

    public void Dispose()
    {
        Uploads.Dispose();
        _lock.Dispose();
    }

    private static FileStream TakeLock(RegistryLayout layout)
    {
        FileStream file;
        try
        {
            file = new FileStream(layout.FormatFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            throw new SluiceException(
                SluiceError.Configuration, layout.Root, "another process serves this directory", "stop it, or choose another directory", e);
        }

        byte[] expected = Encoding.ASCII.GetBytes(RegistryLayout.Format);
        byte[] found = new byte[expected.Length + 1];
        int length = file.ReadAtLeast(found, found.Length, throwOnEndOfStream: false);
        if (length == 0)
        {
            file.Write(expected);
            file.Flush(flushToDisk: true);
        }
        else if (!found.AsSpan(0, length).SequenceEqual(expected))
        {
            file.Dispose();
            throw new SluiceException(SluiceError.Configuration, layout.Root, "this directory belongs to something else", "choose an empty directory");
        }

        return file;
    }

    private static void Collect(string directory, string prefix, List<string> names)
    {
        foreach (string path in Directory.EnumerateDirectories(directory))
        {
            string part = Path.GetFileName(path);
            if (part == RegistryLayout.Manifests && prefix.Length > 0) names.Add(prefix);
            if (!part.StartsWith('_')) Collect(path, prefix.Length == 0 ? part : $"{prefix}/{part}", names);
        }
    }
}
