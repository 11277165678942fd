namespace Sluice.Formats.Toml;

/// <summary>Keys and values in the order of the file, which for hosts is the order in which they are asked.</summary>
public sealed class TomlTable
{
    private readonly Dictionary<string, TomlValue> _values = new(StringComparer.Ordinal);
    private readonly List<string> _order = [];

    public IEnumerable<KeyValuePair<string, TomlValue>> Entries => _order.Select(key => new KeyValuePair<string, TomlValue>(key, _values[key]));

    /// <summary>True once a <c>[header]</c> has named the table: it can't be named again.</summary>
    public bool IsDefined { get; set; }

    public TomlValue? Get(string key) => _values.GetValueOrDefault(key);

    public TomlTable? Table(string key) => Get(key)?.Content as TomlTable;

    public bool TryAdd(string key, TomlValue value)
    {
        if (!_values.TryAdd(key, value)) return false;
        _order.Add(key);
        return true;
    }
}
