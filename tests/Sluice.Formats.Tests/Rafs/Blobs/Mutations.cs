namespace Sluice.Formats.Tests.Rafs.Blobs;

/// <summary>Seeded damage: a reader must take the bytes or refuse them with <see cref="InvalidFormatException"/>.</summary>
internal static class Mutations
{
    private static readonly ulong[] Interesting = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, ulong.MaxValue, 1 << 24];

    /// <param name="from">Where the damage may begin; in front of it lies padding or bulk data.</param>
    public static void Run(byte[] golden, int rounds, int seed, int from, Action<byte[]> read)
    {
        var random = new Random(seed);
        int accepted = 0;
        for (int round = 0; round < rounds; round++)
        {
            byte[] bytes = Mutate(golden, random, from);
            try
            {
                read(bytes);
                accepted++;
            }
            catch (InvalidFormatException)
            {
            }
            catch (Exception e)
            {
                Assert.Fail($"round {round}: {e}");
            }
        }

        // Damage that is always refused would only test the first check.
        Assert.True(accepted > 0);
    }

    private static byte[] Mutate(byte[] golden, Random random, int from)
    {
        if (random.Next(20) == 0) return golden[..random.Next(golden.Length)];
        byte[] bytes = (byte[])golden.Clone();
        for (int count = random.Next(1, 4); count > 0; count--)
        {
            int offset = random.Next(from, bytes.Length);
            switch (random.Next(3))
            {
                case 0:
                    bytes[offset] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[offset] = (byte)random.Next(256);
                    break;
                default:
                    ulong value = Interesting[random.Next(Interesting.Length)];
                    int size = random.Next(2) == 0 ? 4 : 8;
                    offset &= ~3;
                    for (int i = 0; i < size && offset + i < bytes.Length; i++) bytes[offset + i] = (byte)(value >> (8 * i));
                    break;
            }
        }

        return bytes;
    }
}
