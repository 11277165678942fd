using Sluice.Formats.Oci;
using Sluice.Storage.Cache;
using Sluice.Storage.Disks;
using Sluice.Storage.Sources;
using Sluice.Storage.Tests.Fetching;
using Sluice.Testing;

namespace Sluice.Storage.Tests.Disks;

/// <summary>Downloads of blobs that must come whole end when nobody wants them any more.</summary>
public sealed class WholeBlobSourceTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly MemoryStore _store = new();
    private readonly ManualTime _time = new();
    private readonly byte[] _content = [.. Enumerable.Range(0, 1000).Select(i => (byte)i)];
    private readonly TaskCompletionSource _go = new(), _ended = new();
    private readonly SemaphoreSlim _opened = new(0);

    public WholeBlobSourceTests() => _store.OnOpen = async stop =>
    {
        _opened.Release();
        try
        {
            await _go.Task.WaitAsync(stop);
        }
        catch (OperationCanceledException)
        {
            _ended.TrySetResult();
            throw;
        }
    };

    public void Dispose()
    {
        _opened.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_download_ends_when_its_last_reader_has_given_up()
    {
        (WholeBlobSource source, Digest blob) = await OpenAsync();
        using CancellationTokenSource first = new(), second = new();
        Task[] reads = [source.ReadAsync(blob, 0, new byte[10], first.Token), source.ReadAsync(blob, 0, new byte[10], second.Token)];
        await _opened.WaitAsync(TestContext.Current.CancellationToken);
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reads[0]);
        _time.Advance(2 * WholeBlobSource.Linger);
        Assert.False(_ended.Task.IsCompleted);
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reads[1]);
        _time.Advance(WholeBlobSource.Linger);
        await _ended.Task.WaitAsync(TestContext.Current.CancellationToken);

        // The next reader begins another one.
        _go.SetResult();
        byte[] read = new byte[10];
        await source.ReadAsync(blob, 20, read, TestContext.Current.CancellationToken);
        Assert.Equal(_content[20..30], read);
    }

    [Fact]
    public async Task A_read_that_is_tried_again_goes_on_with_the_same_download()
    {
        (WholeBlobSource source, Digest blob) = await OpenAsync();
        using CancellationTokenSource first = new();
        Task given = source.ReadAsync(blob, 0, new byte[10], first.Token);
        await _opened.WaitAsync(TestContext.Current.CancellationToken);
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        byte[] read = new byte[10];
        Task again = source.ReadAsync(blob, 20, read, TestContext.Current.CancellationToken);
        _time.Advance(2 * WholeBlobSource.Linger);
        _go.SetResult();
        await again;
        Assert.Equal(_content[20..30], read);
        Assert.Equal(0, _opened.CurrentCount);
        Assert.False(_ended.Task.IsCompleted);
    }

    [Fact]
    public async Task Reads_of_a_blob_that_does_not_fit_share_a_download_and_say_so()
    {
        List<string> log = [];
        (WholeBlobSource source, Digest blob) = await OpenAsync(new CacheOptions { Quota = DiskShare.OfBytes(100), Log = log.Add });
        byte[][] parts = [.. Enumerable.Range(0, 20).Select(_ => new byte[10])];
        using CancellationTokenSource given = new();
        Task first = source.ReadAsync(blob, 0, new byte[10], given.Token);
        await _opened.WaitAsync(TestContext.Current.CancellationToken);
        Task[] reads = [.. parts.Select((part, index) => source.ReadAsync(blob, 10 * index, part, TestContext.Current.CancellationToken))];
        await given.CancelAsync();
        OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.Contains($"blob {blob} of 1000 bytes does not fit the cache's limit of 100 bytes", cancelled.InnerException?.Message, StringComparison.Ordinal);
        _go.SetResult();
        await Task.WhenAll(reads);
        for (int index = 0; index < parts.Length; index++) Assert.Equal(_content[(10 * index)..(10 * (index + 1))], parts[index]);
        Assert.Contains("cache.quota", Assert.Single(log), StringComparison.Ordinal);

        // All joined while it waited, but a read may come so late that its part is past.
        Assert.InRange(_opened.CurrentCount, 0, 1);
    }

    private async Task<(WholeBlobSource Source, Digest Blob)> OpenAsync(CacheOptions? options = null)
    {
        Digest blob = Digest.Sha256(_content);
        await using IBlobUpload upload = await _store.StartUploadAsync(TestContext.Current.CancellationToken);
        await upload.WriteAsync(_content, TestContext.Current.CancellationToken);
        await upload.CommitAsync(blob, TestContext.Current.CancellationToken);
        var directory = new CacheDirectory(_directory.Path, options ?? new CacheOptions());
        return (new WholeBlobSource(directory, _store, blob, _content.Length, _time), blob);
    }
}
