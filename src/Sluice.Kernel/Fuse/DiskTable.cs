using System.Collections.Concurrent;
using System.Text;
using Sluice.Formats;
using Sluice.Storage.Disks;

namespace Sluice.Kernel.Fuse;

/// <summary>The disks of a mount, by node number and in listing order. Lookups by number take no lock.</summary>
/// <param name="writable">Disks that take writes get them.</param>
/// <param name="epoch">See <see cref="DiskHandle"/>.</param>
internal sealed class DiskTable(bool writable, ulong epoch = 0)
{
    /// <summary>Positions 1 and 2 belong to "." and "..".</summary>
    private const ulong FirstPosition = 3;

    private readonly ConcurrentDictionary<ulong, DiskNode> _byNumber = new();
    private readonly SortedList<ulong, DiskNode> _byPosition = [];
    private ulong _nextPosition = FirstPosition;

    public int Count => _byNumber.Count;

    public DiskNode Add(IDisk disk, Func<TimeSpan>? deadline = null) => Add(new AdoptedDisk(disk) { Deadline = deadline });

    /// <summary>Adds a disk of a predecessor at the place that it had, so that what is open stays its.</summary>
    public DiskNode Add(AdoptedDisk adopted)
    {
        IDisk disk = adopted.Disk;
        byte[] name = Encoding.UTF8.GetBytes(disk.Name);
        if (name.Length is 0 or > FuseLayout.NameLimit || name.AsSpan().ContainsAny((byte)'/', (byte)0) || disk.Name is "." or "..")
        {
            throw new SluiceException(SluiceError.Usage, $"disk {disk.Name}", "a disk's name has 1 to 255 bytes and no slash");
        }

        if (disk.Length < 0) throw new SluiceException(SluiceError.Usage, $"disk {disk.Name}", "negative length");
        lock (_byPosition)
        {
            ulong position = adopted.Place == 0 ? _nextPosition : adopted.Place;
            var node = new DiskNode(disk, name, position, writable, epoch, adopted.Opens, adopted.Deadline) { BackingId = adopted.BackingId };
            if (!_byNumber.TryAdd(node.Number, node))
            {
                string message = _byNumber[node.Number].Name.AsSpan().SequenceEqual(name)
                    ? "a disk of this name is served already"
                    : $"its node number is that of disk {_byNumber[node.Number].Disk.Name}"; // giving way would make numbers depend on the order of adding
                throw new SluiceException(SluiceError.Usage, $"disk {disk.Name}", message);
            }

            if (!_byPosition.TryAdd(position, node))
            {
                _byNumber.TryRemove(node.Number, out _);
                throw new SluiceException(SluiceError.Usage, $"disk {disk.Name}", $"its place is that of disk {_byPosition[position].Disk.Name}");
            }

            _nextPosition = Math.Max(_nextPosition, position + 1);
            return node;
        }
    }

    public DiskNode? Remove(string name)
    {
        lock (_byPosition)
        {
            if (Find(Encoding.UTF8.GetBytes(name)) is not { } node) return null;
            _byNumber.TryRemove(node.Number, out _);
            _byPosition.Remove(node.Position);
            return node;
        }
    }

    public DiskNode? Find(ulong number) => _byNumber.TryGetValue(number, out DiskNode? node) ? node : null;

    public DiskNode? Find(ReadOnlySpan<byte> name)
    {
        DiskNode? node = Find(DiskNode.NumberOf(name));
        return node is not null && node.Name.AsSpan().SequenceEqual(name) ? node : null;
    }

    /// <summary>Up to <paramref name="limit"/> disks behind a position, in listing order.</summary>
    public DiskNode[] After(ulong position, int limit)
    {
        lock (_byPosition)
        {
            IList<ulong> positions = _byPosition.Keys;
            int low = 0;
            int high = positions.Count;
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (positions[middle] <= position) low = middle + 1;
                else high = middle;
            }

            var nodes = new DiskNode[Math.Min(limit, positions.Count - low)];
            for (int i = 0; i < nodes.Length; i++) nodes[i] = _byPosition.Values[low + i];
            return nodes;
        }
    }

    public DiskNode[] All() => After(0, int.MaxValue);
}
