using System.Runtime.Intrinsics.X86;
using System.Text;
using Sluice.Formats.Hashing;

namespace Sluice.Formats.Tests.Hashing;

public sealed class Crc32CTests
{
    /// <summary>RFC 3720, appendix B.4, and the check value of the CRC catalogue.</summary>
    [Fact]
    public void GivesTheVectorsOfTheRfc()
    {
        Assert.Equal(0xE3069283u, Crc32C.Compute(Encoding.ASCII.GetBytes("123456789")));
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Compute(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
        Assert.Equal(0x46DD794Eu, Crc32C.Compute([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        Assert.Equal(0u, Crc32C.Compute([]));
    }

    [Fact]
    public void SeedsContinue()
    {
        byte[] input = new byte[10_000];
        new Random(3).NextBytes(input);
        for (int cut = 0; cut < input.Length; cut += 97)
            Assert.Equal(Crc32C.Compute(input), Crc32C.Compute(input.AsSpan(cut), Crc32C.Compute(input.AsSpan(0, cut))));
    }

    [Fact]
    public void RawIsTheBareRegister()
    {
        byte[] input = new byte[5000];
        new Random(4).NextBytes(input);
        uint register = 100007;
        foreach (byte b in input) register = System.Numerics.BitOperations.Crc32C(register, b);
        Assert.Equal(register, Crc32C.Raw(input, 100007));
        Assert.Equal(register, Crc32C.Raw(input.AsSpan(777), Crc32C.Raw(input.AsSpan(0, 777), 100007)));
        Assert.Equal(0u, Crc32C.Raw(new byte[100]));
    }

    [Fact]
    public void InstructionsGiveTheChecksumOfTheTable()
    {
        if (!Sse42.X64.IsSupported || !Pclmulqdq.IsSupported) Assert.Skip("this processor lacks SSE4.2 or PCLMULQDQ");
        Random random = new(5);
        byte[] input = new byte[40_000];
        random.NextBytes(input);
        for (int i = 0; i < 300; i++)
        {
            ReadOnlySpan<byte> part = input.AsSpan(random.Next(16), random.Next(i < 100 ? 200 : i < 200 ? 3000 : 39_000));
            uint seed = (uint)random.Next();
            Assert.Equal(Crc32C.ComputeScalar(part, seed), Crc32C.ComputeSse42(part, seed));
        }
    }
}
