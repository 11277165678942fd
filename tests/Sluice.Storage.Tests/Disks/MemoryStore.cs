using System.Collections.Concurrent;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Tests.Disks;

/// <summary>A store in memory that counts what it is asked for, and lies or refuses on request.</summary>
internal sealed class MemoryStore(string name = "memory") : IImageStore
{
    private readonly ConcurrentDictionary<Digest, byte[]> _blobs = new();
    private readonly ConcurrentQueue<(Digest Blob, long Offset, int Length)> _reads = new();

    public string Name => name;

    /// <summary>Ranged reads.</summary>
    public IReadOnlyCollection<(Digest Blob, long Offset, int Length)> Reads => _reads;

    /// <summary>Changes what is delivered.</summary>
    public Action<Digest, long, Memory<byte>>? Spoil { get; set; }

    public bool IsAway { get; set; }

    /// <summary>What a download of a whole blob waits for.</summary>
    public Func<CancellationToken, Task> OnOpen { get; set; } = _ => Task.CompletedTask;

    public Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        _reads.Enqueue((blob, offset, destination.Length));
        if (IsAway) throw new SluiceException(SluiceError.Source, Name, "away");
        _blobs[blob].AsSpan((int)offset, destination.Length).CopyTo(destination.Span);
        Spoil?.Invoke(blob, offset, destination);
        return Task.CompletedTask;
    }

    public Task<StoredManifest> GetManifestAsync(string tagOrDigest, CancellationToken cancellation) => throw new NotSupportedException();

    public async Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancellation)
    {
        await OnOpen(cancellation);
        if (IsAway) throw new SluiceException(SluiceError.Source, Name, "away");
        byte[] content = [.. _blobs[blob.Digest]];
        Spoil?.Invoke(blob.Digest, 0, content);
        return new VerifyingStream(new MemoryStream(content), blob, Name);
    }

    public Task<bool> HasBlobAsync(Digest blob, CancellationToken cancellation) => Task.FromResult(_blobs.ContainsKey(blob));

    public Task<IBlobUpload> StartUploadAsync(CancellationToken cancellation) => Task.FromResult<IBlobUpload>(new Upload(this));

    public Task CopyBlobAsync(IImageStore source, Descriptor blob, CancellationToken cancellation) => throw new NotSupportedException();

    public Task PutManifestAsync(StoredManifest manifest, string? tag, CancellationToken cancellation) => Task.CompletedTask;

    public Task<IReadOnlyList<Descriptor>> GetReferrersAsync(Digest subject, string? artifactType, CancellationToken cancellation) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class Upload(MemoryStore store) : IBlobUpload
    {
        private readonly MemoryStream _content = new();

        public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellation) => _content.WriteAsync(data, cancellation);

        public Task CommitAsync(Digest digest, CancellationToken cancellation)
        {
            store._blobs[digest] = _content.ToArray();
            return Task.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
