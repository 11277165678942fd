namespace Sluice.Formats.Toml;

/// <summary>One value with its place: a string, a <see cref="bool"/>, a <see cref="long"/>, a list, a <see cref="TomlTable"/>, or null for other kinds.</summary>
public sealed record TomlValue(object? Content, int Line)
{
    public string AsText(string file) => Content as string ?? throw Wrong(file, "a string");

    public bool AsFlag(string file) => Content as bool? ?? throw Wrong(file, "true or false");

    public IReadOnlyList<TomlValue> AsList(string file) => Content as List<TomlValue> ?? throw Wrong(file, "a list");

    private SluiceException Wrong(string file, string expected) => new(SluiceError.Configuration, $"{file}:{Line}", $"expected {expected}");
}
