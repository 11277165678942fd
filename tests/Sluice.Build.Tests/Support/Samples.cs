using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Support;

/// <summary>Contents and images that several tests use. Seeded: always the same.</summary>
internal static class Samples
{
    public static readonly FileName NotUtf8 = new([(byte)'b', 0xFF, 0xFE, (byte)'x']);

    /// <summary>Half of it compressible.</summary>
    public static byte[] Bytes(int length, int seed)
    {
        byte[] bytes = new byte[length];
        var random = new Random(seed);
        for (int i = 0; i < length; i += 512)
        {
            Span<byte> piece = bytes.AsSpan(i, Math.Min(512, length - i));
            if (random.Next(2) == 0) random.NextBytes(piece);
            else piece.Fill((byte)random.Next());
        }

        return bytes;
    }

    /// <summary>Every kind of file, in two layers that share content.</summary>
    public static TestImage Everything(int seed = 1) => new TestImage()
        .Layer(layer => layer
            .Directory("etc", 0x1C0)
            .File("etc/passwd", "root:x:0:0\n")
            .File("etc/empty")
            .Directory("usr").Directory("usr/bin", 0x1ED, 0, ("user.dir", "yes"))
            .File(new FileName("usr/bin/tool"), Bytes(70_001, seed), 0x9ED /* 04755 */, 70_000, ("security.capability", "\u0001\0\0\u0002\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), ("user.note", "hello"))
            .File("usr/zeros", new byte[40_000])
            .HardLink("usr/bin/tool2", "usr/bin/tool")
            .Link("bin", "usr/bin")
            .Link("usr/loop", "loop")
            .Device("dev/null", TarEntryType.CharacterDevice, 1, 3)
            .Device("dev/big", TarEntryType.BlockDevice, 259, 70_000)
            .Fifo("dev/pipe")
            .File(NotUtf8, [1, 2, 3])
            .File("gone", "x"))
        .Layer(layer => layer
            .Whiteout("gone")
            .HardLink("etc/tool3", "usr/bin/tool")
            .File("usr/copy", Bytes(70_001, seed))
            .File("bin/other", Bytes(9_000, seed + 1)));
}
