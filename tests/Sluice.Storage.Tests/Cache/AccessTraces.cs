namespace Sluice.Storage.Tests.Cache;

/// <summary>Seeded traces of chunk numbers.</summary>
internal static class AccessTraces
{
    public static int[] Make(string kind, int chunks, int length)
    {
        Random random = new(kind.Length);
        int[] shuffled = [.. Enumerable.Range(0, chunks)];
        random.Shuffle(shuffled);
        double[] sums = Zipf(chunks, 0.9);
        int[] trace = new int[length];
        for (int index = 0; index < length; index++)
        {
            trace[index] = kind switch
            {
                "zipf" => Draw(),
                "zipf and scans" => index % 4000 < 1000 ? index % chunks : Draw(),
                "moving favourites" => shuffled[((index / 2000 * 100) + random.Next(400)) % chunks],
                "starts of containers" => ((index / 500 % 7 * 300) + (index % 500 * 17 % 400)) % chunks,
                _ => throw new ArgumentOutOfRangeException(nameof(kind)),
            };
        }

        return trace;

        int Draw()
        {
            int place = Array.BinarySearch(sums, random.NextDouble() * sums[^1]);
            return shuffled[Math.Min(place >= 0 ? place : ~place, chunks - 1)];
        }
    }

    private static double[] Zipf(int count, double exponent)
    {
        double[] sums = new double[count];
        double sum = 0;
        for (int rank = 0; rank < count; rank++) sums[rank] = sum += Math.Pow(rank + 1, -exponent);
        return sums;
    }
}
