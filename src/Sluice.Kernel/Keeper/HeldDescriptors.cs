using Sluice.Kernel.Syscalls;

namespace Sluice.Kernel.Keeper;

/// <summary>What the keeper holds, in byte order of the names.</summary>
internal sealed unsafe class HeldDescriptors
{
    /// <summary>Far more than disk servers of one node.</summary>
    public const int Limit = 1024;

    private readonly List<HeldDescriptor> _held = new(16);

    public IReadOnlyList<HeldDescriptor> All => _held;

    /// <summary>FUSE connections among them; with <paramref name="abandoned"/> those that nobody serves.</summary>
    public int Connections(bool abandoned = false)
    {
        int count = 0;
        foreach (HeldDescriptor held in _held)
        {
            if (held.Callers is null && (!abandoned || held.Server is null)) count++;
        }

        return count;
    }

    public HeldDescriptor? Find(ReadOnlySpan<byte> name)
    {
        int index = IndexOf(name, out bool found);
        return found ? _held[index] : null;
    }

    public bool Has(ReadOnlySpan<byte> name)
    {
        IndexOf(name, out bool found);
        return found;
    }

    public void Keep(HeldDescriptor added)
    {
        int index = IndexOf(added.Name, out bool found);
        if (!found)
        {
            _held.Insert(index, added);
            return;
        }

        Close(_held[index]);
        _held[index] = added;
    }

    public bool Release(ReadOnlySpan<byte> name)
    {
        int index = IndexOf(name, out bool found);
        if (!found) return false;
        Close(_held[index]);
        _held.RemoveAt(index);
        return true;
    }

    /// <summary>The first one behind a name, or null.</summary>
    public HeldDescriptor? After(ReadOnlySpan<byte> name)
    {
        int index = IndexOf(name, out bool found);
        if (found) index++;
        return index < _held.Count ? _held[index] : null;
    }

    /// <summary>Lets go of connections that have ended: unmounted, or aborted. Returns how many.</summary>
    public int DropEnded()
    {
        int dropped = 0;
        for (int i = _held.Count - 1; i >= 0; i--)
        {
            var state = new PollDescriptor { Descriptor = _held[i].Descriptor };
            if (Libc.Poll(&state, 1, 0) != 1 || (state.Happened & PollDescriptor.Error) == 0) continue;
            Close(_held[i]);
            _held.RemoveAt(i);
            dropped++;
        }

        return dropped;
    }

    private static void Close(HeldDescriptor held)
    {
        held.Answers?.Dispose();
        held.Callers?.Dispose();
        Libc.Close(held.Descriptor);
    }

    private int IndexOf(ReadOnlySpan<byte> name, out bool found)
    {
        int low = 0;
        int high = _held.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            int order = name.SequenceCompareTo(_held[middle].Name);
            if (order == 0)
            {
                found = true;
                return middle;
            }

            if (order < 0) high = middle;
            else low = middle + 1;
        }

        found = false;
        return low;
    }
}
