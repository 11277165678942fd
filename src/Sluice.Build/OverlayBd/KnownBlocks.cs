namespace Sluice.Build.OverlayBd;

/// <summary>Blocks of lower layers whose content is kept, in a temporary file: the file system's metadata.</summary>
internal sealed class KnownBlocks : IDisposable
{
    private const int Size = 4096;

    private readonly ScratchFile _file = new();
    private readonly Dictionary<long, int> _slots = [];
    private readonly Stack<int> _free = new();
    private int _count;

    public bool Contains(long block) => _slots.ContainsKey(block);

    public bool TryRead(long block, Span<byte> content)
    {
        if (!_slots.TryGetValue(block, out int slot)) return false;
        _file.ReadAt((long)slot * Size, content);
        return true;
    }

    public void Write(long block, ReadOnlySpan<byte> content)
    {
        if (!_slots.TryGetValue(block, out int slot)) _slots.Add(block, slot = _free.TryPop(out int free) ? free : _count++);
        _file.Position = (long)slot * Size;
        _file.Write(content);
    }

    public void Forget(long block)
    {
        if (_slots.Remove(block, out int slot)) _free.Push(slot);
    }

    public void Dispose() => _file.Dispose();
}
