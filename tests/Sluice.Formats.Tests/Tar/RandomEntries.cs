using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Formats.Tests.Tar;

/// <summary>Entries at and around every limit of the format, from a seed.</summary>
internal static class RandomEntries
{
    private static readonly TarEntryType[] Types = Enum.GetValues<TarEntryType>();
    private static readonly int[] Lengths = [1, 2, 50, 98, 99, 100, 101, 154, 155, 156, 255, 256, 257, 300, 1000];

    public static IEnumerable<(TarEntry Entry, byte[] Stored)> Make(int seed)
    {
        var random = new Random(seed);
        yield return (new TarEntry { Path = default, Type = TarEntryType.Directory, Mode = 0x1ED }, []);
        for (int i = 0; i < 40; i++)
        {
            TarEntryType type = Types[random.Next(Types.Length)];
            bool device = type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice;
            byte[] stored = type == TarEntryType.Regular ? new byte[random.Next(3) == 0 ? random.Next(100_000) : random.Next(1500)] : [];
            random.NextBytes(stored);
            List<SparseRun>? map = type == TarEntryType.Regular && random.Next(3) == 0 ? Split(stored.Length, random) : null;
            long size = map is null ? stored.Length : (map.Count == 0 ? 0 : map[^1].Offset + map[^1].Length) + random.Next(2) * random.Next(5000);
            var entry = new TarEntry
            {
                Path = Name(random),
                Type = type,
                LinkTarget = type is TarEntryType.HardLink or TarEntryType.SymbolicLink ? Name(random) : default,
                Mode = (ushort)random.Next(0x1000),
                UserId = Id(random),
                GroupId = Id(random),
                ModificationTime = Time(random),
                AccessTime = random.Next(4) == 0 ? Time(random) : null,
                ChangeTime = random.Next(4) == 0 ? Time(random) : null,
                Size = size,
                Device = device ? new DeviceNumber(Id(random), Id(random)) : default,
                ExtendedAttributes = Attributes(random),
                SparseMap = map,
            };
            yield return (entry, stored);
        }
    }

    public static byte[] Expand(TarEntry entry, byte[] stored)
    {
        if (entry.SparseMap is null) return stored;
        byte[] content = new byte[entry.Size];
        int taken = 0;
        foreach (SparseRun run in entry.SparseMap)
        {
            stored.AsSpan(taken, (int)run.Length).CopyTo(content.AsSpan((int)run.Offset));
            taken += (int)run.Length;
        }

        return content;
    }

    private static List<SparseRun> Split(int stored, Random random)
    {
        var runs = new List<SparseRun>();
        long offset = 0;
        while (stored > 0)
        {
            offset += random.Next(4) == 0 ? 0 : random.Next(1, 2000);
            int length = Math.Min(stored, random.Next(1, 3000));
            runs.Add(new SparseRun(offset, length));
            offset += length;
            stored -= length;
        }

        return runs;
    }

    private static FileName Name(Random random)
    {
        int length = Lengths[random.Next(Lengths.Length)];
        byte[] name = new byte[length];
        for (int i = 0; i < length; i++) name[i] = random.Next(8) == 0 ? (byte)random.Next(0x80, 0x100) : (byte)random.Next('a', 'z');
        int slashEvery = random.Next(3) == 0 ? int.MaxValue : random.Next(2, 120);
        for (long i = slashEvery; i < length - 1; i += slashEvery) name[i] = (byte)'/';
        return new FileName(name);
    }

    private static uint Id(Random random) => random.Next(4) switch
    {
        0 => 0,
        1 => 0x1FFFFF,
        2 => 0x200000,
        _ => uint.MaxValue - (uint)random.Next(3),
    };

    private static FileTime Time(Random random) => random.Next(6) switch
    {
        0 => default,
        1 => new FileTime(0x1FFFFFFFF, 0),
        2 => new FileTime(0x200000000, 0),
        3 => new FileTime(random.Next(), (uint)random.Next(1_000_000_000)),
        4 => new FileTime(-random.Next(), (uint)random.Next(1_000_000_000)),
        _ => new FileTime(-random.Next(), 0),
    };

    private static List<ExtendedAttribute> Attributes(Random random)
    {
        var attributes = new SortedDictionary<FileName, byte[]>();
        for (int count = random.Next(4) == 0 ? random.Next(5) : 0; count > 0; count--)
        {
            byte[] name = new byte[random.Next(1, 256)];
            for (int i = 0; i < name.Length; i++) name[i] = (byte)random.Next(1, 256);
            byte[] value = new byte[random.Next(3) == 0 ? random.Next(65537) : random.Next(40)];
            random.NextBytes(value);
            attributes[new FileName(name)] = value;
        }

        return [.. attributes.Select(attribute => new ExtendedAttribute(attribute.Key, attribute.Value))];
    }
}
