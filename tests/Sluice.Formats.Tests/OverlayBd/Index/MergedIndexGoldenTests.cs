using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Sluice.Formats.OverlayBd.Index;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Testing;

namespace Sluice.Formats.Tests.OverlayBd.Index;

/// <summary>
/// A stack that overlaybd wrote: as many merged extents as overlaybd counts, and the device that it shows.
/// </summary>
public sealed class MergedIndexGoldenTests
{
    private const int TrailerSize = 4096;

    [Theory]
    [InlineData(1, 24, "dd1111284c2f6f279bce15a7562db7c0f144d6988d84291817c5a5a36c06d671")]
    [InlineData(2, 49, "0b6d8174860eccaa3004269ec14d90eda534334cfc0282f4cc7c61b346527275")]
    [InlineData(3, 68, "8f235058db75a93ab02d02ea04875ab4cf9233ae78c33a37147f5e504b069abb")]
    public void ShowsTheDeviceThatOverlayBdShows(int layers, int extents, string sha256)
    {
        byte[][] files = [.. Enumerable.Range(0, layers).Select(i => File.ReadAllBytes(Golden.Path($"overlaybd/lsmt/layer{i}.lsmt")))];
        using MergedIndexBuilder builder = new();
        foreach (byte[] file in files)
        {
            ReadOnlySpan<byte> trailer = file.AsSpan(^TrailerSize..);
            int indexOffset = (int)BinaryPrimitives.ReadInt64LittleEndian(trailer[32..]);
            int indexSize = (int)BinaryPrimitives.ReadInt64LittleEndian(trailer[40..]);
            builder.AddLayer(
                MemoryMarshal.Cast<byte, LsmtExtent>(file.AsSpan(indexOffset, indexSize * LsmtExtent.Bytes)),
                BinaryPrimitives.ReadInt64LittleEndian(trailer[48..]));
        }

        using MergedIndex index = builder.Build();
        Assert.Equal(extents, index.Extents.Length);
        Assert.Equal(64 << 20, index.VirtualSize);
        Assert.Equal(sha256, Convert.ToHexStringLower(SHA256.HashData(Flatten(index, files))));
    }

    private static byte[] Flatten(MergedIndex index, byte[][] files)
    {
        byte[] device = new byte[index.VirtualSize];
        Span<Segment> segments = stackalloc Segment[5];
        int sectors = device.Length / LsmtExtent.SectorSize;
        int offset = 0;
        while (offset < sectors)
        {
            int count = index.Lookup(offset, sectors - offset, segments);
            foreach (Segment segment in segments[..count])
            {
                Span<byte> target = device.AsSpan(offset * LsmtExtent.SectorSize, segment.Sectors * LsmtExtent.SectorSize);
                if (!segment.IsZeros) files[segment.Layer].AsSpan((int)segment.MappedOffset * LsmtExtent.SectorSize, target.Length).CopyTo(target);
                offset += segment.Sectors;
            }
        }

        return device;
    }
}
