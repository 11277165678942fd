using Sluice.Build.Layers;
using Sluice.Formats;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;

namespace Sluice.Build.Tests.OverlayBd;

/// <summary>
/// Layers from a seed, out of few names so that they meet: replaced types, whiteouts, opaque marks, hard links within and
/// across layers, links as parents, sparse and empty files, attributes, devices, and a directory that grows with every layer.
/// </summary>
internal sealed class RandomLayers(int seed)
{
    private static readonly FileName[] Names =
    [
        .. "a b c lib usr etc bin".Split(' ').Select(name => new FileName(name)),
        new FileName((byte[])[0xFF, 0x80, 0xE9]), new FileName(new string('n', 255)), new FileName("ünïcode"),
    ];

    private readonly Random _random = new(seed);
    private int _grown;

    /// <param name="lower">The image so far; hard links lead into it.</param>
    public byte[] Next(Inode lower, int entries)
    {
        using var tar = new MemoryStream();
        using var writer = new TarWriter(tar, leaveOpen: true);
        var shadow = new LayerTreeBuilder();
        FileName[] all = [.. TreeWalk.DepthFirst(lower).Skip(1).Select(entry => new FileName(entry.Path.Bytes[1..]))];
        FileName[] lowerPaths = [.. all.Where(path => !path.Bytes.StartsWith("grows"u8) || _random.Next(all.Length) < 8)];
        var own = new List<FileName>();
        for (int i = 0; i < entries; i++)
        {
            (TarEntry entry, byte[] stored) = Make(lowerPaths, own);
            try
            {
                shadow.Add(entry);
            }
            catch (InvalidFormatException)
            {
                continue;
            }

            if (entry.Type is TarEntryType.Regular) own.Add(entry.Path);
            writer.WriteEntry(entry, stored);
        }

        for (int i = _random.Next(300); i > 0; i--)
            writer.WriteEntry(new TarEntry { Path = new FileName($"grows/{_grown++} {new string('g', _random.Next(60))}"), Type = TarEntryType.Regular, Mode = 0x1A4, ModificationTime = Time() });
        writer.Finish();
        return tar.ToArray();
    }

    private (TarEntry Entry, byte[] Stored) Make(FileName[] lower, List<FileName> own)
    {
        FileName path = _random.Next(3) == 0 && lower.Length > 0 ? lower[_random.Next(lower.Length)] : NewPath();
        switch (_random.Next(20))
        {
            case 0 or 1 or 2:
                return (Mark(path, opaque: false), []);
            case 3:
                return (Mark(path, opaque: true), []);
            case 4 or 5 or 6:
                return (Entry(path, TarEntryType.Directory), []);
            case 7 or 8:
                return (Entry(path, TarEntryType.SymbolicLink, Target(lower)), []);
            case 9 or 10:
                FileName target = own.Count > 0 && _random.Next(2) == 0 ? own[_random.Next(own.Count)] : lower.Length > 0 ? lower[_random.Next(lower.Length)] : NewPath();
                return (Entry(path, TarEntryType.HardLink, target), []);
            case 11:
                return (Entry(path, _random.Next(3) switch { 0 => TarEntryType.Fifo, 1 => TarEntryType.CharacterDevice, _ => TarEntryType.BlockDevice }), []);
            case 12:
                return Sparse(path);
            default:
                byte[] content = new byte[_random.Next(5) switch { 0 => 0, 1 => _random.Next(200_000), _ => _random.Next(9000) }];
                if (_random.Next(8) != 0) _random.NextBytes(content);
                return (Entry(path, TarEntryType.Regular, size: content.Length), content);
        }
    }

    private (TarEntry Entry, byte[] Stored) Sparse(FileName path)
    {
        var runs = new List<SparseRun>();
        long at = 0;
        for (int i = _random.Next(40); i > 0; i--)
        {
            at += _random.Next(20_000);
            int length = 1 + _random.Next(9000);
            runs.Add(new SparseRun(at, length));
            at += length + 1;
        }

        byte[] stored = new byte[runs.Sum(run => run.Length)];
        _random.NextBytes(stored);
        return (Entry(path, TarEntryType.Regular, size: at + _random.Next(50_000), runs: runs), stored);
    }

    private TarEntry Entry(FileName path, TarEntryType type, FileName target = default, long size = 0, List<SparseRun>? runs = null) => new()
    {
        Path = path,
        Type = type,
        LinkTarget = target,
        Mode = (ushort)_random.Next(0x1000),
        UserId = _random.Next(3) == 0 ? uint.MaxValue - 5 : (uint)_random.Next(70_000),
        GroupId = (uint)_random.Next(3),
        ModificationTime = Time(),
        Size = size,
        SparseMap = runs,
        Device = type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice ? new DeviceNumber((uint)_random.Next(4096), (uint)_random.Next(1 << 20)) : default,
        ExtendedAttributes = _random.Next(4) == 0 ? Attributes(type is TarEntryType.Regular or TarEntryType.Directory) : [],
    };

    private TarEntry Mark(FileName path, bool opaque)
    {
        int slash = path.Bytes.LastIndexOf((byte)'/');
        byte[] marked = opaque ? [.. path.Bytes, .. "/.wh..wh..opq"u8] : [.. path.Bytes[..(slash + 1)], .. ".wh."u8, .. path.Bytes[(slash + 1)..]];
        return new TarEntry { Path = new FileName(marked), Type = TarEntryType.Regular };
    }

    private FileName NewPath()
    {
        byte[] path = [];
        for (int depth = 1 + _random.Next(4); depth > 0; depth--) path = [.. path, .. path.Length == 0 ? [] : "/"u8, .. Names[_random.Next(Names.Length)].Bytes];
        return new FileName(path);
    }

    private FileName Target(FileName[] lower) => _random.Next(3) switch
    {
        0 when lower.Length > 0 => new FileName((byte[])[.. "/"u8, .. lower[_random.Next(lower.Length)].Bytes]),
        1 => Names[_random.Next(Names.Length)],
        _ => new FileName(new string('t', 1 + _random.Next(_random.Next(2) == 0 ? 70 : 1000))),
    };

    private FileTime Time() => new(_random.NextInt64(-1_000_000, 1L << 33), (uint)_random.Next(1_000_000_000));

    /// <param name="forUsers">Linux shows attributes of users on files and directories only.</param>
    private List<ExtendedAttribute> Attributes(bool forUsers)
    {
        var attributes = new SortedDictionary<FileName, byte[]>();
        for (int i = _random.Next(5); i > 0; i--)
        {
            byte[] value = new byte[_random.Next(600)];
            _random.NextBytes(value);
            string prefix = _random.Next(forUsers ? 3 : 2) switch { 0 => "trusted.", 1 => "security.", _ => "user." };
            attributes[new FileName(prefix + new string('x', 1 + _random.Next(40)))] = value;
        }

        return [.. attributes.Select(attribute => new ExtendedAttribute(attribute.Key, attribute.Value))];
    }
}
