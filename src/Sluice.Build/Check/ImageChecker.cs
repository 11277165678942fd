using Sluice.Formats;
using Sluice.Formats.Hashing;
using Sluice.Formats.OverlayBd.Artifacts;
using Sluice.Formats.Rafs;
using Sluice.Storage.Images;

namespace Sluice.Build.Check;

/// <summary>
/// Proves that two images hold the same files: the trees are compared name by name, contents by the digests of their chunks. Of an
/// ordinary image the layers are read; of a RAFS image the digests of the bootstrap are taken and then the stored chunks are verified
/// against them; of an OverlayBD image the files are read. Either side may be any kind.
/// </summary>
/// <param name="fetched">Told now and then how many bytes the current step has downloaded.</param>
public sealed class ImageChecker(StoredImage source, StoredImage image, CheckOptions options, Action<long>? fetched = null)
{
    private const int DefaultChunkSize = 1 << 20;

    private readonly List<string> _notes = [];

    /// <exception cref="SluiceException">An image is corrupt beyond comparing, or a source failed.</exception>
    public async Task<CheckResult> RunAsync(CancellationToken cancellation)
    {
        RemoteRafsImage? left = await LoadAsync(source, cancellation), right = await LoadAsync(image, cancellation);
        RafsImage? model = right?.Image ?? left?.Image;
        if (right is not null && !CheckedTrees.HasDigests(right.Image)) model = left?.Image;
        int chunkSize = model?.ChunkSize ?? DefaultChunkSize;
        DigestAlgorithm digester = model?.Digester ?? DigestAlgorithm.Blake3;

        CheckedTree sourceTree = await TreeAsync(source, left, chunkSize, digester, cancellation);
        CheckedTree imageTree = await TreeAsync(image, right, chunkSize, digester, cancellation);
        var differences = new Differences(options.MaxDifferences);
        var comparison = new TreeComparison(sourceTree, imageTree, options, differences);
        comparison.Run(cancellation);

        long verified = 0, bytes = sourceTree.BytesFetched + imageTree.BytesFetched;
        foreach (CheckedTree tree in new[] { sourceTree, imageTree })
        {
            if (options.MetadataOnly || tree.Believed is null) continue;
            var verifier = new BlobVerifier(tree.Believed, differences, fetched ?? (_ => { }));
            await verifier.RunAsync(cancellation);
            verified += verifier.ChunksVerified;
            bytes += verifier.BytesFetched;
            if (verifier.ChunksUnverifiable > 0) _notes.Add($"{verifier.ChunksUnverifiable} chunks have no digest and could not be verified");
        }

        bool contentCompared = sourceTree.DigestOf is not null && imageTree.DigestOf is not null;
        if (!contentCompared) _notes.Add("contents were not compared: the images have different chunks; leave out --metadata-only to read them");
        return new CheckResult(differences.Kept, differences.Count, comparison.Compared, contentCompared, verified, bytes, _notes);
    }

    private async Task<CheckedTree> TreeAsync(StoredImage stored, RemoteRafsImage? rafs, int chunkSize, DigestAlgorithm digester, CancellationToken cancellation)
    {
        var digests = new ChunkDigests(chunkSize, digester);
        if (OverlayBdAnnotations.AreOn(stored.Manifest)) return await CheckedTrees.FromBlocksAsync(stored, options.MetadataOnly ? null : digests, cancellation);
        if (rafs is null) return await CheckedTrees.FromLayersAsync(stored, digests, fetched ?? (_ => { }), _notes, cancellation);
        if (rafs.Image.ChunkSize == chunkSize && rafs.Image.Digester == digester && CheckedTrees.HasDigests(rafs.Image)) return CheckedTrees.FromBootstrap(rafs);
        return options.MetadataOnly ? CheckedTrees.WithoutContent(rafs) : await CheckedTrees.FromContentAsync(rafs, digests, cancellation);
    }

    private static async Task<RemoteRafsImage?> LoadAsync(StoredImage stored, CancellationToken cancellation)
    {
        if (stored.BootstrapLayer is not null) return await RafsImageLoader.LoadAsync(stored, cancellation);
        return stored.Manifest.IsContainerImage
            ? null
            : throw new SluiceException(SluiceError.Image, stored.Store.Name, $"{stored.Stored.Digest} is not a container image but {stored.Manifest.EffectiveArtifactType}");
    }
}
