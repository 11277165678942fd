using System.Globalization;
using System.Text;
using Sluice.Formats;

namespace Sluice.Storage.Sources.Registries;

/// <summary>
/// Reads the part of TOML that <c>hosts.toml</c> files use: tables with bare, quoted and dotted keys, strings on one line,
/// booleans, lists (also over several lines) and inline tables. Numbers and dates are accepted and not kept. Multi-line
/// strings and lists of tables are errors. Source: TOML 1.0.
/// </summary>
internal sealed class TomlReader(string text, string file)
{
    private const int DepthLimit = 16;

    private readonly TomlTable _root = new();
    private int _at;
    private int _line = 1;

    /// <exception cref="SluiceException"><see cref="SluiceError.Configuration"/>: names file and line.</exception>
    public TomlTable Read()
    {
        TomlTable current = _root;
        while (true)
        {
            SkipBlank(newLines: true);
            if (_at >= text.Length) return _root;
            if (text[_at] == '[')
            {
                current = ReadHeader();
            }
            else
            {
                ReadPair(current, depth: 0);
            }

            SkipBlank(newLines: false);
            if (_at < text.Length && text[_at] != '\n') throw Wrong("expected the end of the line");
        }
    }

    private TomlTable ReadHeader()
    {
        _at++;
        if (Peek() == '[') throw Wrong("lists of tables ([[…]]) have no place in hosts.toml");
        TomlTable table = _root;
        foreach (string key in ReadKey()) table = Descend(table, key);
        if (Peek() != ']') throw Wrong("expected ']'");
        _at++;
        if (table.IsDefined) throw Wrong("this table is there twice");
        table.IsDefined = true;
        return table;
    }

    private void ReadPair(TomlTable table, int depth)
    {
        int line = _line;
        List<string> keys = ReadKey();
        if (Peek() != '=') throw Wrong("expected '='");
        _at++;
        SkipBlank(newLines: false);
        TomlValue value = ReadValue(depth);
        foreach (string key in keys.Take(keys.Count - 1)) table = Descend(table, key);
        if (!table.TryAdd(keys[^1], value)) throw new SluiceException(SluiceError.Configuration, $"{file}:{line}", $"the key '{keys[^1]}' is there twice");
    }

    private TomlTable Descend(TomlTable table, string key)
    {
        if (table.Get(key) is { } existing) return existing.Content as TomlTable ?? throw Wrong($"'{key}' is a value, not a table");
        TomlTable added = new();
        table.TryAdd(key, new TomlValue(added, _line));
        return added;
    }

    private List<string> ReadKey()
    {
        List<string> keys = [];
        while (true)
        {
            SkipBlank(newLines: false);
            keys.Add(Peek() is '"' or '\'' ? ReadString() : ReadBare());
            if (keys.Count > DepthLimit) throw Wrong("this key is too deep");
            SkipBlank(newLines: false);
            if (Peek() != '.') return keys;
            _at++;
        }
    }

    private string ReadBare()
    {
        int start = _at;
        while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] is '_' or '-')) _at++;
        return _at > start ? text[start.._at] : throw Wrong("expected a key");
    }

    private TomlValue ReadValue(int depth)
    {
        if (depth > DepthLimit) throw Wrong("this value is nested too deep");
        int line = _line;
        switch (Peek())
        {
            case '"' or '\'':
                return new TomlValue(ReadString(), line);
            case '[':
                return new TomlValue(ReadList(depth), line);
            case '{':
                return new TomlValue(ReadInlineTable(depth), line);
        }

        int start = _at;
        while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] is '_' or '-' or '+' or '.' or ':')) _at++;
        object? content = text[start.._at] switch
        {
            "true" => true,
            "false" => false,
            "inf" or "+inf" or "-inf" or "nan" => null,
            var word when word.Length > 0 && (char.IsAsciiDigit(word[0]) || (word.Length > 1 && word[0] is '+' or '-')) => null,
            _ => throw Wrong("expected a value: strings need quotes"),
        };
        return new TomlValue(content, line);
    }

    private List<TomlValue> ReadList(int depth)
    {
        List<TomlValue> items = [];
        _at++;
        while (true)
        {
            SkipBlank(newLines: true);
            if (Peek() == ']') break;
            items.Add(ReadValue(depth + 1));
            SkipBlank(newLines: true);
            if (Peek() == ']') break;
            if (Peek() != ',') throw Wrong("expected ',' or ']'");
            _at++;
        }

        _at++;
        return items;
    }

    private TomlTable ReadInlineTable(int depth)
    {
        TomlTable table = new() { IsDefined = true };
        _at++;
        SkipBlank(newLines: false);
        if (Peek() == '}')
        {
            _at++;
            return table;
        }

        while (true)
        {
            ReadPair(table, depth + 1);
            SkipBlank(newLines: false);
            char next = Peek();
            if (next is not (',' or '}')) throw Wrong("expected ',' or '}'");
            _at++;
            if (next == '}') return table;
        }
    }

    private string ReadString()
    {
        char quote = text[_at];
        if (string.CompareOrdinal(text, _at, new string(quote, 3), 0, 3) == 0) throw Wrong("strings over several lines have no place in hosts.toml");
        StringBuilder value = new();
        for (_at++; ; _at++)
        {
            char next = Peek();
            if (next == quote && _at < text.Length) break;
            if (_at >= text.Length || next is '\n' or '\r') throw Wrong("this string has no end");
            if (next < ' ' && next != '\t') throw Wrong("this string holds a control character");
            if (next != '\\' || quote == '\'')
            {
                value.Append(next);
                continue;
            }

            _at++;
            value.Append(ReadEscape());
        }

        _at++;
        return value.ToString();
    }

    private string ReadEscape()
    {
        switch (Peek())
        {
            case 'b': return "\b";
            case 't': return "\t";
            case 'n': return "\n";
            case 'f': return "\f";
            case 'r': return "\r";
            case '"': return "\"";
            case '\\': return "\\";
            case 'u' or 'U':
                int digits = text[_at] == 'u' ? 4 : 8;
                if (_at + digits < text.Length
                    && int.TryParse(text.AsSpan(_at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code) && Rune.IsValid(code))
                {
                    _at += digits;
                    return new Rune(code).ToString();
                }

                break;
        }

        throw Wrong("unknown escape in a string");
    }

    /// <summary>Skips white space and comments, over line ends too where they mean nothing.</summary>
    private void SkipBlank(bool newLines)
    {
        for (; _at < text.Length; _at++)
        {
            switch (text[_at])
            {
                case ' ' or '\t' or '\r' or '\uFEFF':
                    continue;
                case '\n' when newLines:
                    _line++;
                    continue;
                case '#':
                    while (_at + 1 < text.Length && text[_at + 1] != '\n') _at++;
                    continue;
            }

            return;
        }
    }

    private char Peek() => _at < text.Length ? text[_at] : '\0';

    private SluiceException Wrong(string message) => new(SluiceError.Configuration, $"{file}:{_line}", message);
}
