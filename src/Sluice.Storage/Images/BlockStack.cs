using System.Security.Cryptography;
using System.Text;
using Sluice.Formats;
using Sluice.Formats.OverlayBd.Index;

namespace Sluice.Storage.Images;

/// <summary>
/// The metadata of a block image: where the blocks of its layers are, the lowest layer first, and the merged index of all. With it the
/// image can be opened without asking anyone. Made by <see cref="BlockStackLoader"/>, kept by <see cref="BlockStackFile"/>; immutable.
/// </summary>
/// <param name="Index">A <see cref="MergedIndexFile"/>.</param>
public sealed record BlockStack(IReadOnlyList<BlockStackLayer> Layers, ReadOnlyMemory<byte> Index)
{
    /// <summary>The merged index, which the caller owns.</summary>
    /// <exception cref="InvalidFormatException">Damaged, or of another stack.</exception>
    public MergedIndex ReadIndex() => MergedIndexFile.Read(Index.Span, IdentityOf(Layers));

    internal static BlockStack Create(IReadOnlyList<BlockStackLayer> layers, MergedIndex index)
    {
        if (index.VirtualSize == 0) throw new InvalidFormatException("overlaybd stack", "no layer says how large the device is");
        byte[] file = GC.AllocateUninitializedArray<byte>(MergedIndexFile.Length(index));
        MergedIndexFile.Write(index, IdentityOf(layers), file);
        return new BlockStack(layers, file);
    }

    private static byte[] IdentityOf(IReadOnlyList<BlockStackLayer> layers) =>
        SHA256.HashData(Encoding.ASCII.GetBytes(string.Join('\n', layers.Select(layer => layer.Blob))));
}
