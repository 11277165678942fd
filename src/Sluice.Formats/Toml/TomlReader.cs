using System.Globalization;
using System.Text;

namespace Sluice.Formats.Toml;

/// <summary>
/// Reads the part of TOML that containerd's files use: tables with bare, quoted and dotted keys, lists of tables, strings, booleans, whole numbers, lists (also over
/// several lines) and inline tables. Other numbers and dates are accepted and not kept. Source: TOML 1.0.
/// </summary>
/// <param name="file">Named in errors.</param>
public sealed class TomlReader(string text, string file)
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
        bool isItem = Peek() == '[';
        if (isItem) _at++;
        TomlTable table = _root;
        List<string> keys = ReadKey();
        foreach (string key in isItem ? keys.SkipLast(1) : keys) table = Descend(table, key);
        if (isItem) table = AddItem(table, keys[^1]);
        Expect(']');
        if (isItem) Expect(']');
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

    private void Expect(char character)
    {
        if (Peek() != character) throw Wrong($"expected '{character}'");
        _at++;
    }

    /// <summary>The next table of a <c>[[list]]</c>.</summary>
    private TomlTable AddItem(TomlTable table, string key)
    {
        if (table.Get(key) is not { } existing)
        {
            existing = new TomlValue(new List<TomlValue>(), _line);
            table.TryAdd(key, existing);
        }

        if (existing.Content is not List<TomlValue> items) throw Wrong($"'{key}' is no list of tables");
        items.Add(new TomlValue(new TomlTable(), _line));
        return (TomlTable)items[^1].Content!;
    }

    /// <summary>Of a list of tables the last one is meant.</summary>
    private TomlTable Descend(TomlTable table, string key)
    {
        if (table.Get(key) is { } existing)
        {
            object? content = existing.Content is List<TomlValue> { Count: > 0 } items ? items[^1].Content : existing.Content;
            return content as TomlTable ?? throw Wrong($"'{key}' is a value, not a table");
        }

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
            var word when long.TryParse(word.Replace("_", "", StringComparison.Ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) => number,
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
        if (string.CompareOrdinal(text, _at, new string(quote, 3), 0, 3) == 0) return ReadLongString(quote);
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

    /// <summary>Three quotes to three quotes; escapes are left as they are, as nothing that is looked for is written so.</summary>
    private string ReadLongString(char quote)
    {
        int start = _at + 3, end = text.IndexOf(new string(quote, 3), start, StringComparison.Ordinal);
        if (end < 0) throw Wrong("this string has no end");
        _at = end + 3;
        string value = text[start..end];
        _line += value.Count(character => character == '\n');
        return value;
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
