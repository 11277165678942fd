using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.Tests.OverlayBd.Index;

/// <summary>Seeded layers as a writer makes them: sorted, some extents zeroed, some adjoining in the device and in the file.</summary>
internal static class RandomLayers
{
    public static LsmtExtent[] Next(Random random, long sectors, int extents, int longest)
    {
        List<LsmtExtent> layer = [];
        long mapped = 8;
        long offset = random.NextInt64(longest);
        while (layer.Count < extents)
        {
            int length = random.Next(1, longest + 1);
            if (offset + length > sectors) break;
            layer.Add(new LsmtExtent(offset, length, mapped, zeroed: random.Next(5) == 0));
            mapped += random.Next(2) == 0 ? length : length + 3;
            offset += length + (random.Next(3) == 0 ? 0 : random.NextInt64(4 * longest));
        }

        return [.. layer];
    }
}
