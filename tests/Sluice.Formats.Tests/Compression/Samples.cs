namespace Sluice.Formats.Tests.Compression;

internal static class Samples
{
    /// <summary>Bytes that compress to about a third.</summary>
    public static byte[] Text(Random random, int length)
    {
        byte[] text = new byte[length];
        byte[][] words = [.. Enumerable.Range(0, 200).Select(_ => Word(random))];
        for (int at = 0; at < length;)
        {
            byte[] word = words[random.Next(words.Length)];
            int count = Math.Min(word.Length, length - at);
            word.AsSpan(0, count).CopyTo(text.AsSpan(at));
            at += count;
        }

        return text;
    }

    /// <summary>A copy with a few bytes changed, cut out or doubled.</summary>
    public static byte[] Mutate(Random random, byte[] source)
    {
        byte[] copy = [.. source];
        for (int i = random.Next(4); i >= 0; i--) copy[random.Next(random.Next(2) == 0 ? Math.Min(32, copy.Length) : copy.Length)] ^= (byte)random.Next(256);
        return random.Next(4) switch
        {
            0 => copy[..random.Next(copy.Length)],
            1 => [.. copy, .. copy[..random.Next(copy.Length)]],
            _ => copy,
        };
    }

    public static byte[] ReadAll(Stream stream)
    {
        using MemoryStream content = new();
        stream.CopyTo(content);
        return content.ToArray();
    }

    private static byte[] Word(Random random)
    {
        byte[] word = new byte[random.Next(2, 12)];
        random.NextBytes(word);
        return word;
    }
}
