using Sluice.Build.Commit;
using Sluice.Build.Convert;
using Sluice.Build.Tests.Convert.OverlayBd;
using Sluice.Build.Tests.Support;
using Sluice.Formats.Oci;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Storage.Disks.Uppers;
using Sluice.Storage.Images;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Commit;

/// <summary>A block image <c>a</c> in the destination, and containers' changes to it.</summary>
internal sealed class CommitWorkshop : IAsyncDisposable
{
    private const int BlockSize = 4096;

    private int _uppers;

    public Workshop Workshop { get; } = new();

    public static CommitOptions Options => new() { Jobs = 2, Created = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), Message = "what was done" };

    /// <param name="image">The ordinary one.</param>
    public static async Task<CommitWorkshop> CreateAsync(TestImage? image = null)
    {
        var created = new CommitWorkshop();
        await (image ?? Samples.Everything()).StoreAsync(created.Workshop.Source, "a");
        await created.Workshop.ConvertAsync(BlockConversionTests.Options);
        return created;
    }

    public Task<StoredImage> ImageAsync(string tag = "a") => Workshop.ResolveAsync(Workshop.Destination, tag);

    public async Task<CommitResult> CommitAsync(string from, string to, CommitOptions options, params CommitLayer[] layers) =>
        await (await NewAsync(await ImageAsync(from), Workshop.Destination, options)).RunAsync(layers, to, CancellationToken.None);

    public static async Task<ImageCommit> NewAsync(StoredImage image, IImageStore destination, CommitOptions options) =>
        new(image, await image.ReadConfigAsync(CancellationToken.None), destination, options);

    /// <summary>The device of an image, put together by a decoder that shares no code with the writer.</summary>
    public async Task<string> DeviceAsync(string tag)
    {
        string device = Workshop.File($"device-{tag}-{Guid.NewGuid():n}");
        StackedLayers.Flatten((await ImageAsync(tag)).Manifest.Layers.Select(layer => Workshop.BlobFile("destination", layer.Digest)), device);
        return device;
    }

    /// <summary>An upper that makes one device of another; every changed block is written twice, first with garbage.</summary>
    public IUpper Upper(string from, string to, bool sparse = false)
    {
        byte[] before = File.ReadAllBytes(from), after = File.ReadAllBytes(to);
        string data = Workshop.File($"data{++_uppers}"), log = Workshop.File($"log{_uppers}");
        LsmtHeader header = LsmtHeader.ForData(after.Length, $"00000000-0000-0000-0000-{_uppers:D12}", LsmtHeader.NoUuid, sparse);
        IUpper upper = sparse ? SparseUpper.Create(data, log, header) : AppendUpper.Create(data, log, header);
        byte[] garbage = new byte[BlockSize];
        garbage.AsSpan().Fill(0xA5);
        foreach (bool first in (bool[])[true, false])
        {
            for (int at = 0; at < after.Length; at += BlockSize)
            {
                ReadOnlySpan<byte> block = after.AsSpan(at, BlockSize);
                if (!block.SequenceEqual(before.AsSpan(at, BlockSize))) Assert.Equal(UpperError.None, upper.Write(at, first ? garbage : block));
            }
        }

        return upper;
    }

    public static CommitLayer Layer(IUpper upper) => new((output, options) => upper.Commit(output, options));

    public ValueTask DisposeAsync() => Workshop.DisposeAsync();
}
