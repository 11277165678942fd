using Sluice.Formats.Rafs.Blobs;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>The golden RAFS v6 bootstraps by name: files of their own (<c>.boot</c>), or the <c>image.boot</c> inside of a layer blob.</summary>
internal static class GoldenImages
{
    public const string NydusTwoTwo = "2fa78cad554b75ac91a4a125ed148d0ddeb25efa4aaa8bd80e5dc292690a4dca.toc-blob";

    public static readonly string[] Names =
    [
        "generated/merged-native.boot", "generated/merged-zran.boot", "generated/merged-tarfs.boot", "generated/tarfs-l1.boot",
        "generated/tarfs-l2.boot", "generated/plain-l2.boot", "generated/native-l1.blob", "generated/native-l2.blob",
        "generated/batch-l1.blob", "generated/zran-l1.blob", "generated/zran-l2.blob", NydusTwoTwo,
    ];

    public static TheoryData<string> All => new(Names);

    public static byte[] Load(string name)
    {
        byte[] file = File.ReadAllBytes(Golden.Path($"nydus/{name}"));
        if (name.EndsWith(".boot", StringComparison.Ordinal)) return file;
        BlobTocEntry entry = BlobToc.ReadTail(file.Length, file, out _)!.Find(BlobSection.ImageBoot)!;
        return entry.Unpack(file.AsSpan((int)entry.Offset, (int)entry.CompressedSize));
    }
}
