using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats.Oci;

namespace Sluice.Registry.Store;

/// <summary>The uploads of all repositories. Their files survive a restart, so clients can resume.</summary>
internal sealed class UploadStore(RegistryStore store) : IDisposable
{
    /// <summary>Beyond this many, idle uploads are forgotten: their files stay, only the running hash is lost.</summary>
    private const int MaxRemembered = 1024;

    private readonly ConcurrentDictionary<string, Upload> _uploads = new(StringComparer.Ordinal);

    public Upload Create(string repository)
    {
        string id = RandomNumberGenerator.GetHexString(32, lowercase: true);
        string path = store.Layout.Upload(repository, id);
        store.Storage.CreateDirectory(Path.GetDirectoryName(path)!);
        File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write).Dispose();
        if (_uploads.Count >= MaxRemembered) ForgetIdle();
        return _uploads.GetOrAdd(path, new Upload(id, path));
    }

    /// <summary>An upload that was begun and neither committed nor cancelled; null if there is none.</summary>
    public Upload? Find(string repository, string id)
    {
        if (id.Length != 32 || id.AsSpan().ContainsAnyExcept("0123456789abcdef")) return null;
        string path = store.Layout.Upload(repository, id);
        if (_uploads.TryGetValue(path, out Upload? upload)) return upload;
        return File.Exists(path) ? _uploads.GetOrAdd(path, static (path, id) => new Upload(id, path), id) : null;
    }

    public void Cancel(Upload upload)
    {
        _uploads.TryRemove(upload.FilePath, out _);
        store.Storage.Delete(upload.FilePath);
        upload.Dispose();
    }

    /// <summary>Makes a complete upload, whose digest was checked, a blob of its repository.</summary>
    public void Commit(Upload upload, Repository repository, Digest digest)
    {
        using (SafeFileHandle file = File.OpenHandle(upload.FilePath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) store.Storage.Flush(file);
        _uploads.TryRemove(upload.FilePath, out _);
        store.Adopt(upload.FilePath, digest);
        repository.LinkBlob(digest);
        upload.Dispose();
    }

    public void Dispose()
    {
        foreach (Upload upload in _uploads.Values) upload.Dispose();
    }

    private void ForgetIdle()
    {
        foreach ((string path, Upload upload) in _uploads)
        {
            // Who found it just before is told to try again.
            if (upload.TryEnter() && _uploads.TryRemove(path, out _)) upload.Dispose();
        }
    }
}
