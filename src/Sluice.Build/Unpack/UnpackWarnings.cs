using System.Globalization;
using Sluice.Formats;

namespace Sluice.Build.Unpack;

/// <summary>Warnings by kind: the first path of each, and how many there were.</summary>
internal sealed class UnpackWarnings
{
    private readonly SortedDictionary<string, (string Path, long Count)> _kinds = new(StringComparer.Ordinal);

    public void Add(string kind, string path) =>
        _kinds[kind] = _kinds.TryGetValue(kind, out (string Path, long Count) known) ? (known.Path, known.Count + 1) : (path, 1);

    /// <summary>For what must be made as it is or not at all.</summary>
    /// <exception cref="SluiceException">There was a warning.</exception>
    public void Check()
    {
        if (_kinds.Count > 0) throw new SluiceException(SluiceError.Disk, "unpacking", string.Join("; ", ToLines()));
    }

    public IReadOnlyList<string> ToLines() =>
    [
        .. _kinds.Select(kind => kind.Value.Count == 1
            ? $"{kind.Key}: {kind.Value.Path}"
            : string.Create(CultureInfo.InvariantCulture, $"{kind.Key}: {kind.Value.Path} and {kind.Value.Count - 1} more")),
    ];
}
