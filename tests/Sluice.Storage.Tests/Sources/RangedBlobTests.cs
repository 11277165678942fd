using System.Collections.Concurrent;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;
using Sluice.Storage.Tests.Fetching;

namespace Sluice.Storage.Tests.Sources;

/// <summary>A blob comes in order and whole, though several of its ranges are under way.</summary>
public sealed class RangedBlobTests
{
    private const int Range = 2 << 20;

    private readonly byte[] _content = new byte[(5 * Range) + 12_345];

    public RangedBlobTests() => new Random(3).NextBytes(_content);

    private Descriptor Blob => new() { MediaType = MediaTypes.OciLayer, Digest = Digest.Sha256(_content), Size = _content.Length };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Its_ranges_are_fetched_side_by_side_and_read_in_order(bool isSynchronous)
    {
        Gate gate = new();
        MemoryStore store = new(_content) { Gate = gate };
        await using Stream blob = await RangedBlob.OpenAsync(store, Blob, CancellationToken.None);
        await gate.ArrivedAsync(4);
        Assert.Equal(4, store.Reads.Count);
        gate.Open();
        byte[] read = new byte[_content.Length];
        if (isSynchronous) blob.ReadExactly(read);
        else await blob.ReadExactlyAsync(read, TestContext.Current.CancellationToken);
        Assert.Equal(_content, read);
        Assert.Equal(0, blob.ReadByte() + 1);
        Assert.Equal(_content.Length, store.Reads.Sum(range => range.Length));
    }

    [Fact]
    public async Task Its_last_read_throws_when_its_digest_is_wrong()
    {
        Descriptor wrong = new() { MediaType = MediaTypes.OciLayer, Digest = Digest.Sha256("other"u8), Size = _content.Length };
        MemoryStore store = new(_content);
        await using Stream blob = await RangedBlob.OpenAsync(store, wrong, CancellationToken.None);
        SluiceException error = Assert.Throws<SluiceException>(() => blob.ReadExactly(new byte[_content.Length]));
        Assert.Contains("other content than its digest says", error.Message, StringComparison.Ordinal);
        Assert.Equal(wrong.Digest, Assert.Single(store.Rejected));
    }

    [Fact]
    public async Task What_the_place_says_of_a_range_is_what_its_read_throws()
    {
        MemoryStore store = new(_content) { Fault = new SluiceException(SluiceError.Source, "memory", "away") };
        await using Stream blob = await RangedBlob.OpenAsync(store, Blob, CancellationToken.None);
        Assert.Equal("memory: away", Assert.Throws<SluiceException>(() => blob.ReadByte()).Message);
    }

    [Fact]
    public async Task Whoever_gives_it_up_ends_what_is_under_way()
    {
        MemoryStore store = new(_content) { Gate = new Gate() };
        Stream blob = await RangedBlob.OpenAsync(store, Blob, CancellationToken.None);
        await store.Gate.ArrivedAsync(4);
        await blob.DisposeAsync();
        await Eventually.TrueAsync(() => store.Cancelled == 4);
    }

    private sealed class MemoryStore(byte[] content) : IImageStore
    {
        private int _cancelled;

        public string Name => "memory";

        public Gate? Gate { get; init; }

        public SluiceException? Fault { get; init; }

        public ConcurrentQueue<(long Offset, int Length)> Reads { get; } = new();

        public ConcurrentQueue<Digest> Rejected { get; } = new();

        public int Cancelled => Volatile.Read(ref _cancelled);

        public async Task ReadAsync(Digest blob, long offset, Memory<byte> destination, CancellationToken cancellation)
        {
            Reads.Enqueue((offset, destination.Length));
            try
            {
                if (Gate is { } gate) await gate.PassAsync(cancellation);
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref _cancelled);
                throw;
            }

            if (Fault is { } fault) throw fault;
            content.AsMemory((int)offset, destination.Length).CopyTo(destination);
        }

        public void Reject(Digest blob) => Rejected.Enqueue(blob);

        public Task<StoredManifest> GetManifestAsync(string tagOrDigest, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<Stream> OpenBlobAsync(Descriptor blob, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<bool> HasBlobAsync(Digest blob, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<IBlobUpload> StartUploadAsync(CancellationToken cancellation) => throw new NotSupportedException();

        public Task CopyBlobAsync(IImageStore source, Descriptor blob, CancellationToken cancellation) => throw new NotSupportedException();

        public Task PutManifestAsync(StoredManifest manifest, string? tag, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<IReadOnlyList<Descriptor>> GetReferrersAsync(Digest subject, string? artifactType, CancellationToken cancellation) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
