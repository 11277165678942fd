using System.IO.Compression;
using Sluice.Formats.Compression;

namespace Sluice.Formats.Tests.Compression;

public sealed class RawInflaterTests
{
    [Fact]
    public void StartsAgainAtEveryBlock()
    {
        byte[] text = Samples.Text(new Random(6), 1 << 20);
        byte[] deflated = Deflate(text);
        List<(int In, int Out, int Bits)> places = Record(deflated, text);
        Assert.True(places.Count > 5);

        using RawInflater inflater = new();
        byte[] back = new byte[100_000];
        foreach ((int at, int position, int bits) in places)
        {
            int window = Math.Min(position, RawInflater.WindowSize);
            inflater.Start(bits, at > 0 ? deflated[at - 1] : (byte)0, text.AsSpan(position - window, window));
            int length = Math.Min(back.Length, text.Length - position);
            inflater.Inflate(deflated.AsSpan(at), back.AsSpan(0, length), out _, out int written);
            Assert.Equal(length, written);
            Assert.True(text.AsSpan(position, length).SequenceEqual(back.AsSpan(0, length)));
        }
    }

    [Fact]
    public void StopsAtTheEndOfTheStream()
    {
        byte[] text = Samples.Text(new Random(6), 50_000);
        byte[] deflated = Deflate(text);
        byte[] back = new byte[60_000];
        using RawInflater inflater = new();
        inflater.Start();
        Assert.True(inflater.Inflate([.. deflated, 1, 2, 3, 4], back, out int consumed, out int written));
        Assert.Equal((deflated.Length, text.Length), (consumed, written));
    }

    [Fact]
    public void HostileInputIsOneTypedError()
    {
        byte[] deflated = Deflate(Samples.Text(new Random(6), 20_000));
        byte[] back = new byte[30_000];
        Random random = new(17);
        using RawInflater inflater = new();
        for (int i = 0; i < 500; i++)
        {
            inflater.Start(random.Next(8), (byte)random.Next(256), back.AsSpan(0, random.Next(RawInflater.WindowSize - 5000)));
            try
            {
                inflater.Inflate(Samples.Mutate(random, deflated), back, out _, out _);
            }
            catch (InvalidFormatException)
            {
                // Expected; other exceptions fail the test.
            }
        }
    }

    private static byte[] Deflate(byte[] text)
    {
        using MemoryStream content = new();
        using (DeflateStream deflate = new(content, CompressionLevel.Optimal, leaveOpen: true)) deflate.Write(text);
        return content.ToArray();
    }

    private static List<(int In, int Out, int Bits)> Record(byte[] deflated, byte[] text)
    {
        List<(int, int, int)> places = [(0, 0, 0)];
        byte[] back = new byte[text.Length + 1];
        int at = 0;
        int position = 0;
        using RawInflater inflater = new();
        inflater.Start();
        while (!inflater.Inflate(deflated.AsSpan(at), back.AsSpan(position), out int consumed, out int written, stopAtBlocks: true))
        {
            at += consumed;
            position += written;
            if (inflater.AtBlockEnd && !inflater.InLastBlock) places.Add((at, position, inflater.UnusedBits));
        }

        return places;
    }
}
