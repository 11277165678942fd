using Sluice.Build.Look;
using Sluice.Formats.Trees;

namespace Sluice.Build.Check;

/// <summary>Collects differences: the first ones, and how many there are.</summary>
internal sealed class Differences(int limit)
{
    private readonly List<Difference> _kept = [];

    public IReadOnlyList<Difference> Kept => _kept;

    public long Count { get; private set; }

    public void Add(FileName path, string what, string source, string image) => Add(PrintableName.Of(path), what, source, image);

    public void Add(string path, string what, string source, string image)
    {
        Count++;
        if (_kept.Count < limit) _kept.Add(new Difference(path, what, source, image));
    }
}
