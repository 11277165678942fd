using System.Runtime.InteropServices;
using System.Text;
using Sluice.Testing;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>The golden RAFS v6 bootstraps by name: files of their own (<c>.boot</c>), or the <c>image.boot</c> inside of a layer blob.</summary>
internal static partial class GoldenImages
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
        return name.EndsWith(".boot", StringComparison.Ordinal) ? file : Decompress(FindEntry(file, "image.boot"), 1 << 20);
    }

    /// <summary>One zstd frame; as it is when it is none.</summary>
    public static byte[] Decompress(ReadOnlySpan<byte> frame, int limit)
    {
        byte[] content = new byte[limit];
        nuint size = Decompress(content, (nuint)limit, frame.ToArray(), (nuint)frame.Length);
        Assert.True(size <= (nuint)limit, "zstd");
        return content[..(int)size];
    }

    /// <summary>Walks the tar-like sections of a layer blob from its end: each header stands behind its data.</summary>
    private static ReadOnlySpan<byte> FindEntry(ReadOnlySpan<byte> blob, string name)
    {
        while (blob.Length > 512)
        {
            ReadOnlySpan<byte> header = blob[^512..];
            int size = Convert.ToInt32(Encoding.ASCII.GetString(header.Slice(124, 11)), 8);
            blob = blob[..^512];
            if (header.StartsWith(Encoding.ASCII.GetBytes(name + '\0'))) return blob[^size..];
            blob = blob[..^size];
        }

        throw new InvalidDataException($"no {name}");
    }

    [LibraryImport("libzstd.so.1", EntryPoint = "ZSTD_decompress")]
    private static partial nuint Decompress(byte[] target, nuint targetSize, byte[] source, nuint sourceSize);
}
