using Sluice.Build.Convert;
using Sluice.Build.Layers;
using Sluice.Formats.Oci;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Storage.Images;

namespace Sluice.Build.Look;

/// <summary>
/// The contents of an ordinary image. The first pass over the layers makes the tree; in it <see cref="Inode.Chunks"/> of a file
/// says where its content is: one reference, (layer, number of the tar entry). A second pass reads the layers that are needed.
/// </summary>
internal sealed class LayerContents : ImageContents
{
    private const int BufferSize = 256 << 10;

    private readonly List<string> _warnings = [];
    private Inode _root = Inode.NewDirectory();
    private long _fetched;

    private LayerContents(StoredImage image)
        : base(image)
    {
    }

    public override Inode Root => _root;

    public override long BytesFetched => _fetched;

    public override IReadOnlyList<string> Warnings => _warnings;

    public static async Task<LayerContents> OpenAsync(StoredImage image, CancellationToken cancellation)
    {
        var contents = new LayerContents(image);
        contents._root = await MergeAsync(
            image,
            (layer, number, _, _) => [new ChunkReference(layer, number)],
            bytes => contents._fetched += bytes,
            contents._warnings,
            cancellation);
        return contents;
    }

    /// <summary>The tree that the layers of <paramref name="image"/> make, one over the other.</summary>
    /// <param name="content">Called for every file that isn't empty, with layer, number of the entry and the reader at its content: returns <see cref="Inode.Chunks"/>.</param>
    /// <param name="fetched">Told how many bytes have been downloaded.</param>
    public static async Task<Inode> MergeAsync(
        StoredImage image, Func<int, int, TarReader, Inode, IReadOnlyList<ChunkReference>> content, Action<long> fetched, List<string> warnings, CancellationToken cancellation)
    {
        var merger = new TreeMerger();
        for (int i = 0; i < image.Manifest.Layers.Count; i++)
        {
            Descriptor layer = image.Manifest.Layers[i];
            var builder = new LayerTreeBuilder();
            int number = 0;
            await ReadLayerAsync(image, i, fetched, (tar, entry) =>
            {
                if (builder.Add(entry) is { Size: > 0 } file) file.Chunks = content(i, number, tar, file);
                number++;
            }, cancellation);
            foreach (FileName path in merger.Apply(builder.Tree)) warnings.Add($"layer {layer.Digest}: a hard link to '{path}', which does not exist, is left out");
        }

        return merger.Root;
    }

    public override async Task ReadAsync(IReadOnlyCollection<Inode> files, IFileSink sink, CancellationToken cancellation)
    {
        foreach (IGrouping<int, Inode> layer in files.GroupBy(file => file.Chunks[0].Blob).OrderBy(group => group.Key))
        {
            Dictionary<int, Inode> wanted = layer.ToDictionary(file => file.Chunks[0].Chunk);
            byte[] buffer = new byte[BufferSize];
            int number = 0;
            await ReadLayerAsync(Image, layer.Key, bytes => _fetched += bytes, (tar, _) =>
            {
                if (wanted.TryGetValue(number++, out Inode? file)) Copy(tar, file, sink, buffer, cancellation);
            }, cancellation);
        }
    }

    private static async Task ReadLayerAsync(StoredImage image, int index, Action<long> fetched, Action<TarReader, TarEntry> visit, CancellationToken cancellation)
    {
        Descriptor layer = image.Manifest.Layers[index];
        long last = 0;
        await using Stream stream = new ProgressStream(await image.Store.OpenBlobAsync(layer, cancellation), position =>
        {
            fetched(position - last);
            last = position;
        });
        LayerEntries.Read(stream, layer, visit, cancellation);
    }

    /// <summary>Tar readers are synchronous: the calling thread waits for the sink.</summary>
    private static void Copy(TarReader tar, Inode file, IFileSink sink, byte[] buffer, CancellationToken cancellation)
    {
        Wait(sink.BeginAsync(file, cancellation));
        int read;
        while ((read = tar.ReadContent(buffer)) > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            Wait(sink.WriteAsync(buffer.AsMemory(0, read), cancellation));
        }

        Wait(sink.EndAsync(cancellation));
    }

    private static void Wait(ValueTask task)
    {
        if (task.IsCompleted) task.GetAwaiter().GetResult();
        else task.AsTask().GetAwaiter().GetResult();
    }
}
