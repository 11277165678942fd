using System.Runtime.CompilerServices;
using Sluice.Formats.Erofs;
using Sluice.Formats.Rafs.V6;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Erofs;

public sealed class ErofsLayoutTests
{
    [Fact]
    public void Structures_have_their_sizes_on_disk()
    {
        Assert.Equal(
            (128, 64, 32, 12, 8, 256, 256, 80),
            (Unsafe.SizeOf<ErofsSuperblock>(), Unsafe.SizeOf<ErofsInode>(), Unsafe.SizeOf<ErofsCompactInode>(), Unsafe.SizeOf<ErofsDirent>(),
                Unsafe.SizeOf<ErofsChunkAddress>(), Unsafe.SizeOf<RafsExtension>(), Unsafe.SizeOf<BlobTableEntry>(), Unsafe.SizeOf<ChunkTableEntry>()));
        Assert.Equal(11, RafsV6Layout.DeviceTableSlot);
    }

    [Theory]
    [InlineData(1, 3, 0x103)]
    [InlineData(259, 70000, 0x1111_0370)]
    [InlineData(4095, 0xFFFFF, 0xFFFF_FFFF)]
    public void Device_numbers_are_encoded_as_the_kernel_does(uint major, uint minor, uint encoded)
    {
        var device = new DeviceNumber(major, minor);
        Assert.Equal(encoded, ErofsLayout.EncodeDevice(device));
        Assert.Equal(device, ErofsLayout.DecodeDevice(encoded));
    }

    [Theory]
    [InlineData("user.x", 1, 5)]
    [InlineData("system.posix_acl_access", 2, 23)]
    [InlineData("system.posix_acl_default", 3, 24)]
    [InlineData("trusted.overlay.opaque", 4, 8)]
    [InlineData("security.capability", 6, 9)]
    [InlineData("user.", 0, 0)]
    [InlineData("system.posix_acl_accessx", 0, 0)]
    [InlineData("lustre.x", 0, 0)]
    public void Attribute_names_split_at_their_prefix(string name, byte index, int length)
    {
        bool known = ErofsXattr.TrySplit(new FileName(name).Bytes, out byte found, out int prefix);
        Assert.Equal(index != 0, known);
        if (known) Assert.Equal((index, length), (found, prefix));
    }

    [Fact]
    public void Attribute_counts_and_sizes_belong_together()
    {
        foreach (ushort count in new ushort[] { 0, 1, 2, 300, ushort.MaxValue }) Assert.Equal(count, ErofsXattr.Count(ErofsXattr.BodySize(count)));
        Assert.Equal(ErofsXattr.MaxBodySize, ErofsXattr.BodySize(ushort.MaxValue));
    }
}
