using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Sluice.Formats.Oci;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Storage.Sources;
using Sluice.Testing.Images;

namespace Sluice.EndToEnd.Images;

/// <summary>An ordinary image of one layer with two files of 256 MiB: <c>noise</c>, and <c>text</c>, which can be compressed. Never in memory as a whole.</summary>
internal static class LargeImage
{
    private const int Piece = 1 << 20;
    private const int Pieces = 256;

    /// <summary>Makes it as an OCI layout (tag <c>v1</c>).</summary>
    /// <returns>Digest of both files' contents, <c>noise</c> before <c>text</c>, in hexadecimal.</returns>
    public static async Task<string> MakeAsync(string layout, CancellationToken cancellation)
    {
        ImageReference reference = ImageReference.Parse($"oci:{layout}:v1");
        await using IImageStore store = ImageStores.Open(reference, new SourceOptions());
        string file = layout + ".layer";
        (Digest diffId, string content) = Write(file);
        byte[] config = Encoding.UTF8.GetBytes($$$"""{"architecture":"{{{Platform.Host.Architecture}}}","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["{{{diffId}}}"]}}""");
        var manifest = new ImageManifest
        {
            Config = await TestImage.PutAsync(store, config, MediaTypes.OciConfig),
            Layers = [await MoveAsync(file, layout, cancellation)],
        };
        byte[] bytes = manifest.ToBytes();
        await store.PutManifestAsync(new StoredManifest(manifest.MediaType!, Digest.Sha256(bytes), bytes), reference.Tag, cancellation);
        return content;
    }

    private static (Digest DiffId, string Content) Write(string file)
    {
        var random = new Random(1);
        byte[] piece = new byte[Piece];
        using IncrementalHash content = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using SHA256 hash = SHA256.Create();
        using (var gzip = new GZipStream(File.Create(file), CompressionLevel.Fastest))
        using (var hashed = new CryptoStream(gzip, hash, CryptoStreamMode.Write))
        using (var tar = new TarWriter(hashed))
        {
            foreach ((string name, Action fill) in new[] { ("noise", (Action)(() => random.NextBytes(piece))), ("text", () => MakeText(random, piece)) })
            {
                tar.WriteEntry(new TarEntry { Path = new FileName(name), Type = TarEntryType.Regular, Mode = 0x1A4, ModificationTime = TestLayer.Time, Size = (long)Piece * Pieces });
                for (int i = 0; i < Pieces; i++)
                {
                    fill();
                    content.AppendData(piece);
                    tar.WriteContent(piece);
                }
            }

            tar.Finish();
        }

        return (Digest.Parse($"sha256:{Convert.ToHexStringLower(hash.Hash!)}"), Convert.ToHexStringLower(content.GetHashAndReset()));
    }

    /// <summary>Of sixteen letters, so that half of it is left when it is compressed.</summary>
    private static void MakeText(Random random, byte[] piece)
    {
        random.NextBytes(piece);
        for (int i = 0; i < piece.Length; i++) piece[i] = (byte)('a' + (piece[i] & 15));
    }

    /// <summary>Moves a layer to its place, once there are others: it is too large to be written twice.</summary>
    private static async Task<Descriptor> MoveAsync(string file, string layout, CancellationToken cancellation)
    {
        await using FileStream layer = File.OpenRead(file);
        Digest digest = Digest.Parse($"sha256:{Convert.ToHexStringLower(await SHA256.HashDataAsync(layer, cancellation))}");
        File.Move(file, Path.Combine(layout, "blobs", "sha256", digest.Hex));
        return new Descriptor { MediaType = MediaTypes.OciLayerGzip, Digest = digest, Size = layer.Length };
    }
}
