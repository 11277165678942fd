using Sluice.Formats.Rafs;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Rafs;

/// <summary>Seeded damage: a reader answers with a tree or with <see cref="InvalidFormatException"/>, nothing else, and soon.</summary>
public sealed class RafsV6FuzzTests
{
    public static TheoryData<string> All => GoldenImages.All;

    [Theory]
    [MemberData(nameof(All))]
    public void Damaged_golden_images_are_read_or_refused(string name) => Damage(GoldenImages.Load(name), seed: name.Length, rounds: 250);

    [Fact]
    public void Damaged_images_of_our_own_are_read_or_refused() => Damage(RafsV6Writer.Write(new SampleImage(11, names: 120).Image), seed: 12, rounds: 500);

    [Fact]
    public void Truncated_images_are_refused()
    {
        byte[] bootstrap = RafsV6Writer.Write(new SampleImage(13, names: 60).Image);
        for (int length = 0; length < bootstrap.Length; length += 509) TryRead(bootstrap.AsMemory(0, length));
        for (int length = 0; length < bootstrap.Length - 4096; length += 4096)
            Assert.Throws<InvalidFormatException>(() => RafsV6Reader.Read(bootstrap.AsMemory(0, length)));
    }

    private static void Damage(byte[] original, int seed, int rounds)
    {
        var random = new Random(seed);
        int accepted = 0;
        for (int round = 0; round < rounds; round++)
        {
            byte[] damaged = (byte[])original.Clone();
            for (int i = random.Next(1, 6); i > 0; i--) Change(random, damaged);
            if (TryRead(damaged)) accepted++;
        }

        Assert.InRange(accepted, 1, rounds);
    }

    /// <summary>Mostly where structure is: superblocks, tables, the first inodes; numbers that tend to break things.</summary>
    private static void Change(Random random, byte[] image)
    {
        int end = random.Next(4) switch { 0 => 0x800, 1 => Math.Min(image.Length, 0x5000), _ => image.Length };
        int at = random.Next(end > 0x800 ? 0x1000 : 0x400, end);
        switch (random.Next(4))
        {
            case 0: image[at] ^= (byte)(1 << random.Next(8)); break;
            case 1: image[at] = (byte)random.Next(256); break;
            case 2: image.AsSpan(at, Math.Min(random.Next(1, 9), image.Length - at)).Fill((byte)(random.Next(2) * 255)); break;
            default: image.AsSpan(random.Next(image.Length - 64), 32).CopyTo(image.AsSpan(Math.Min(at, image.Length - 32))); break;
        }
    }

    private static bool TryRead(ReadOnlyMemory<byte> bytes)
    {
        RafsImage image;
        try
        {
            image = RafsV6Reader.Read(bytes);
        }
        catch (InvalidFormatException)
        {
            return false;
        }

        // What was accepted can be walked, and written unless a number exceeds what the writer takes.
        Assert.NotEmpty(TreeWalk.DepthFirst(image.Root));
        try
        {
            RafsV6Reader.Read(RafsV6Writer.Write(image));
        }
        catch (SluiceException refused) when (refused is not InvalidFormatException)
        {
        }

        return true;
    }
}
