using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Sluice.Formats.Oci;

namespace Sluice.Registry.Store;

/// <summary>
/// A blob that is being pushed: a file, and the running hash of it, which only saves reading the file again. One request
/// at a time holds an upload (<see cref="TryEnter"/>).
/// </summary>
internal sealed class Upload : IDisposable
{
    private const int BufferSize = 256 << 10;

    /// <summary>Null for an upload that is resumed after a restart.</summary>
    private IncrementalHash? _running;
    private State _state;

    public Upload(string id, string path)
    {
        Id = id;
        FilePath = path;
        FileInfo file = new(path);
        Length = file.Exists ? file.Length : 0;
        if (Length == 0) _running = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    }

    public string Id { get; }

    public string FilePath { get; }

    /// <summary>Bytes so far.</summary>
    public long Length { get; private set; }

    /// <summary>False if another request holds it.</summary>
    public bool TryEnter() => Interlocked.CompareExchange(ref _state, State.Entered, State.Idle) == State.Idle;

    /// <summary>Lets other requests hold it, unless it has ended.</summary>
    public void Leave() => Interlocked.CompareExchange(ref _state, State.Idle, State.Entered);

    /// <summary>Adds what <paramref name="body"/> gives. If that fails, what came before the failure stays.</summary>
    public async Task AppendAsync(Stream body, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            using SafeFileHandle file = File.OpenHandle(FilePath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            while (await body.ReadAtLeastAsync(buffer, BufferSize, throwOnEndOfStream: false, cancellationToken) is > 0 and int count)
            {
                RandomAccess.Write(file, buffer.AsSpan(0, count), Length);
                _running?.AppendData(buffer, 0, count);
                Length += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>True if the file has this digest.</summary>
    public bool Matches(Digest digest)
    {
        if (_running is not null && digest.Algorithm == "sha256") return digest.Matches(_running.GetCurrentHash());
        using IncrementalHash hash = digest.NewHash();
        using FileStream file = new(FilePath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        for (int count; (count = file.Read(buffer)) > 0;) hash.AppendData(buffer, 0, count);
        ArrayPool<byte>.Shared.Return(buffer);
        return digest.Matches(hash.GetHashAndReset());
    }

    /// <summary>Ends it: no request gets hold of it again.</summary>
    public void Dispose()
    {
        Interlocked.Exchange(ref _state, State.Ended);
        _running?.Dispose();
        _running = null;
    }

    private enum State
    {
        Idle,
        Entered,
        Ended,
    }
}
