using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Storage.Tests.Sources;

/// <summary>What every <see cref="IBlobSource"/> promises; run against each kind.</summary>
public abstract class BlobSourceContract
{
    private protected SampleImage Image { get; } = new();

    private protected Digest Blob => Image.LayerDescriptor.Digest;

    /// <summary>The source under test, which has <see cref="Image"/>'s layer. Disposed by the test.</summary>
    private protected abstract Task<IBlobSource> OpenAsync();

    [Fact]
    public async Task Delivers_any_range()
    {
        await using IBlobSource source = await OpenAsync();
        Random random = new(3);
        for (int index = 0; index < 20; index++)
        {
            int offset = random.Next(Image.Layer.Length);
            await CheckAsync(source, offset, random.Next(1, Image.Layer.Length - offset + 1));
        }

        await CheckAsync(source, 0, Image.Layer.Length);
        await CheckAsync(source, Image.Layer.Length - 1, 1);
    }

    [Fact]
    public async Task May_be_asked_by_many_at_once()
    {
        await using IBlobSource source = await OpenAsync();
        await Task.WhenAll(Enumerable.Range(0, 32).Select(index => CheckAsync(source, index * 5000, 20_000)));
    }

    [Fact]
    public async Task Names_itself_when_it_lacks_a_blob()
    {
        await using IBlobSource source = await OpenAsync();
        Digest missing = Digest.Sha256([1, 2, 3]);
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => source.ReadAsync(missing, 0, new byte[10], default));
        Assert.Equal(SluiceError.NotFound, error.Error);
        Assert.Null(error.MayPassIn);
        Assert.NotEmpty(source.Name);
        Assert.StartsWith(error.Culprit, error.Message, StringComparison.Ordinal);
        Assert.Contains(missing.Hex, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Does_not_make_up_bytes_behind_the_end()
    {
        await using IBlobSource source = await OpenAsync();
        foreach (int offset in (int[])[Image.Layer.Length - 5, Image.Layer.Length, Image.Layer.Length + 4096])
        {
            SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => source.ReadAsync(Blob, offset, new byte[10], default));
            Assert.NotEqual(SluiceError.Timeout, error.Error);
        }
    }

    [Fact]
    public async Task Heeds_a_cancellation()
    {
        await using IBlobSource source = await OpenAsync();
        using CancellationTokenSource cancelled = new();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => source.ReadAsync(Blob, 0, new byte[10], cancelled.Token));
    }

    [Fact]
    public async Task Goes_on_delivering_after_a_rejection()
    {
        await using IBlobSource source = await OpenAsync();
        await CheckAsync(source, 0, 1000);
        source.Reject(Blob);
        source.Reject(Digest.Sha256([4]));
        await CheckAsync(source, 500, 1000);
    }

    private async Task CheckAsync(IBlobSource source, int offset, int length)
    {
        byte[] part = new byte[length];
        await source.ReadAsync(Blob, offset, part, default);
        Assert.True(Image.Layer.AsSpan(offset, length).SequenceEqual(part), $"wrong bytes at {offset}+{length}");
    }
}
